#include "cbuild.h"

#ifndef VARVE_BUILD_COMMIT
#define VARVE_BUILD_COMMIT ""
#endif

const char *varve_build_commit(void) { return VARVE_BUILD_COMMIT; }
