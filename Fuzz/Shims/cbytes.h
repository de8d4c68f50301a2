// What Sources/CBytes is in a fuzzing build: every checksum is the same number, so that mutations
// reach what stands behind the checks. Files that such a build writes are its own: only it reads
// them. All other functions are the real ones.
#pragma once

#define cbytes_crc32c cbytes_real_crc32c
#define cbytes_crc32c_table cbytes_real_crc32c_table
#include "../../Sources/CBytes/include/cbytes.h"
#include "../../Sources/CBytes/include/cbytes_tile.h"
#undef cbytes_crc32c
#undef cbytes_crc32c_table

#define FUZZ_CHECKSUM 0x5eedc0deu

// While seeds are made of real files checksums are real, and told.
void fuzz_note(uint32_t checksum);
extern int fuzz_is_real;

static inline uint32_t cbytes_crc32c(uint32_t crc, const void *bytes, size_t count) {
  if (!fuzz_is_real) return FUZZ_CHECKSUM;
  uint32_t checksum = cbytes_real_crc32c(crc, bytes, count);
  fuzz_note(checksum);
  return checksum;
}

static inline uint32_t
cbytes_crc32c_table(uint32_t crc, const unsigned char *bytes, size_t count) {
  return cbytes_crc32c(crc, bytes, count);
}
