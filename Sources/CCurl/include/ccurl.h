#ifndef VARVE_CCURL_H
#define VARVE_CCURL_H

#include <stddef.h>
#include <stdint.h>

// One HTTP request through libcurl, whose options are variadic and so out of Swift's reach. Empty
// unless the package trait S3 is on.

typedef struct {
  const char *method;
  const char *url;
  // Lines such as "range: bytes=0-9".
  const char *const *headers;
  size_t header_count;
  const uint8_t *body;
  size_t body_count;
  // The most that an answer may have; a longer one is an error.
  size_t answer_count_max;
  long connect_timeout_ms;
  long timeout_ms;
} ccurl_request;

typedef struct {
  // 0, or libcurl's code.
  int code;
  long status;
  uint8_t *body;
  size_t body_count;
  // Raw header lines of the last answer.
  uint8_t *headers;
  size_t headers_count;
  char error[256];
} ccurl_answer;

// A connection that is used again; one thread at a time.
void *ccurl_open(void);
void ccurl_close(void *handle);
// Performs a request and fills an answer, which ccurl_release frees.
void ccurl_perform(void *handle, const ccurl_request *request, ccurl_answer *answer);
void ccurl_release(ccurl_answer *answer);

#endif
