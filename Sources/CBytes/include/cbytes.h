// CRC32C (Castagnoli, reflected polynomial 0x82f63b78) with the processor's own instruction.
// A header of inline functions: Swift inlines them, so no call stands between a loop and its CRC.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

uint32_t cbytes_crc32c_table(uint32_t crc, const unsigned char *bytes, size_t count);

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static inline uint32_t
cbytes_crc32c_hardware(uint32_t crc, const unsigned char *bytes, size_t count) {
  uint64_t state = crc;
  while (count >= 8) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    state = __builtin_ia32_crc32di(state, word);
    bytes += 8;
    count -= 8;
  }
  uint32_t narrow = (uint32_t)state;
  while (count > 0) {
    narrow = __builtin_ia32_crc32qi(narrow, *bytes);
    bytes += 1;
    count -= 1;
  }
  return narrow;
}
#endif

// Continues `crc` (0 for a start) over `count` bytes and returns the finished value.
static inline uint32_t cbytes_crc32c(uint32_t crc, const void *bytes, size_t count) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) {
    return ~cbytes_crc32c_hardware(~crc, (const unsigned char *)bytes, count);
  }
#endif
  return cbytes_crc32c_table(crc, (const unsigned char *)bytes, count);
}

// Asks for the two cache lines from `address` on; any address is allowed.
static inline void cbytes_prefetch(const void *address) {
  __builtin_prefetch(address, 1);
  __builtin_prefetch((const char *)address + 64, 1);
}
