#ifndef VARVE_CBUILD_H
#define VARVE_CBUILD_H

// The commit that the builder named with VARVE_BUILD_COMMIT; empty when it named none. A C string
// that lives as long as the process: the package manager passes values to C alone.
const char *varve_build_commit(void);

#endif
