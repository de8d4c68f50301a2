// What Sources/CBytes is in a fuzzing build: every checksum is the same number, so that mutations
// reach what stands behind the checks. Files that such a build writes are its own: only it reads
// them.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FUZZ_CHECKSUM 0x5eedc0deu

// While seeds are made of real files checksums are real, and told.
void fuzz_note(uint32_t checksum);
extern int fuzz_is_real;

static inline uint32_t
cbytes_crc32c_table(uint32_t crc, const unsigned char *bytes, size_t count) {
  if (!fuzz_is_real) return FUZZ_CHECKSUM;
  crc = ~crc;
  for (size_t index = 0; index < count; index++) {
    crc ^= bytes[index];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
  }
  fuzz_note(~crc);
  return ~crc;
}

static inline uint32_t cbytes_crc32c(uint32_t crc, const void *bytes, size_t count) {
  return cbytes_crc32c_table(crc, (const unsigned char *)bytes, count);
}

static inline void cbytes_prefetch(const void *address) { __builtin_prefetch(address, 1); }
