#include "ccurl.h"

#ifdef VARVE_S3

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  uint8_t **bytes;
  size_t *count;
  size_t capacity;
  size_t count_max;
} sink;

static size_t take(const char *data, size_t size, size_t count, void *context) {
  sink *out = context;
  size_t length = size * count;
  if (length > out->count_max - *out->count) return 0;
  if (*out->count + length > out->capacity) {
    size_t capacity = out->capacity < 4096 ? 4096 : out->capacity;
    while (capacity < *out->count + length) capacity *= 2;
    uint8_t *grown = realloc(*out->bytes, capacity);
    if (!grown) return 0;
    *out->bytes = grown;
    out->capacity = capacity;
  }
  memcpy(*out->bytes + *out->count, data, length);
  *out->count += length;
  return length;
}

void *ccurl_open(void) { return curl_easy_init(); }

void ccurl_close(void *handle) { curl_easy_cleanup(handle); }

void ccurl_perform(void *handle, const ccurl_request *request, ccurl_answer *answer) {
  CURL *curl = handle;
  memset(answer, 0, sizeof *answer);
  curl_easy_reset(curl);
  struct curl_slist *headers = NULL;
  // A body is no form, and nobody waits for "100 Continue".
  static const char *const plain[] = {"Content-Type: application/octet-stream", "Expect:"};
  for (size_t index = 0; index < request->header_count + 2; index++) {
    const char *line = index < 2 ? plain[index] : request->headers[index - 2];
    struct curl_slist *longer = curl_slist_append(headers, line);
    if (!longer) {
      curl_slist_free_all(headers);
      answer->code = CURLE_OUT_OF_MEMORY;
      return;
    }
    headers = longer;
  }
  sink body = {&answer->body, &answer->body_count, 0, request->answer_count_max};
  sink lines = {&answer->headers, &answer->headers_count, 0, 256 << 10};
  curl_easy_setopt(curl, CURLOPT_URL, request->url);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, answer->error);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &lines);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, request->connect_timeout_ms);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, request->timeout_ms);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1024L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 10L);
  if (!strcmp(request->method, "HEAD")) {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  } else if (strcmp(request->method, "GET")) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_count);
    const char *bytes = request->body_count ? (const char *)request->body : "";
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, bytes);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
  }
  answer->code = (int)curl_easy_perform(curl);
  if (answer->code == CURLE_OK) {
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
  } else if (!answer->error[0]) {
    strncpy(answer->error, curl_easy_strerror((CURLcode)answer->code), sizeof answer->error - 1);
  }
  curl_slist_free_all(headers);
}

void ccurl_release(ccurl_answer *answer) {
  free(answer->body);
  free(answer->headers);
  answer->body = NULL;
  answer->headers = NULL;
}

#endif
