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

// Memory that rests in a pool: under AddressSanitizer whoever still reads or writes it is reported;
// elsewhere both do nothing.
void cbytes_rest(const void *address, size_t count);
void cbytes_wake(const void *address, size_t count);

// What follows returns 0 and has changed nothing where the processor lacks the instructions, or
// where the numbers do not suit.

// Unpacks `count` fields of 1 to 57 bits, the first in the lowest bits of the first byte, and adds
// `base` to each; `byte_count` is what they take, without gaps.
int cbytes_unpack(const void *bytes, size_t byte_count, unsigned width, uint64_t base,
                  uint64_t *target, size_t count);

// Sets the first word and adds to every other one the one before.
int cbytes_integrate(uint64_t *words, size_t count, uint64_t first);

// Replaces integers of less than 2^51 in size by the bits of their quotients by a power of ten.
int cbytes_unscale(uint64_t *words, size_t count, double power);

// Takes blocks of 64 bytes into a state of SHA-256.
int cbytes_sha256(uint32_t *state, const void *bytes, size_t block_count);

// Whether wide instructions are used where there are any: for tests of what is done without.
void cbytes_use_wide(int use);
int cbytes_uses_wide(void);
