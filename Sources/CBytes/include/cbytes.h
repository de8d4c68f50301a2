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

// Multiplies each word and adds to it, modulo 2^64.
int cbytes_multiply(uint64_t *words, size_t count, uint64_t factor, uint64_t offset);

// Replaces integers by the bits of their quotients by a power of ten up to 10^15.
int cbytes_unscale(uint64_t *words, size_t count, double power);

// Replaces integers by the bits of their quotients by any divisor.
int cbytes_divide(uint64_t *words, size_t count, double divisor);

// Takes blocks of 64 bytes into a state of SHA-256.
int cbytes_sha256(uint32_t *state, const void *bytes, size_t block_count);

// A block of fields of 1 to 25 bits plus `base`, which are integers (`order` 0), their differences
// behind `first` (1), or the differences of these behind `first` and `first` + `step` (2); `first` and
// `step` are 0 where an order has none. The integers times `divisor` (1 or more) plus `offset` become
// quotients by a power of ten up to 10^15, unless `power` is 0.
typedef struct {
  unsigned width, order;
  int64_t base, first, step, offset, divisor;
  double power;
} cbytes_plain;

// Decodes a block of `count` integers, at most 128. They may be as large as 2^50, but before they are
// multiplied not spread over more than 31 bits.
int cbytes_decode_plain(const void *bytes, size_t byte_count, const cbytes_plain *plain,
                        uint64_t *target, size_t count);

// The next two begin a loop and return how many values they have done, which may be none.

// What the low bits of a state of the range coder say: the range of a token and the place in it.
typedef struct {
  uint16_t frequency, place;
  uint32_t token;
} cbytes_slot;

// Decodes tokens by the four states of the range coder from `position` on: 2,048 slots say of each
// state what it becomes, `values` what a token stands for. Reads within the bytes.
size_t cbytes_decode_tokens(const void *bytes, size_t byte_count, const cbytes_slot *slots,
                            const uint64_t *values, uint64_t *states, size_t *position,
                            uint64_t *target, size_t count);

// Replaces tokens by the numbers that they and their open bits are, from bit `position` on; `counts`
// says how many bits a token has, at most `count_max`. Reads within the bytes.
size_t cbytes_decode_open_bits(const void *bytes, size_t byte_count, const uint64_t *bases,
                               const unsigned char *counts, unsigned count_max, int is_signed,
                               uint64_t centre, size_t *position, uint64_t *target, size_t count);

// Replaces the upper bits of numbers by what the numbers stand for, where each has `width` open bits
// (1 to 57); `byte_count` is what those take, without gaps. Returns 0 and has changed nothing where
// the processor lacks the instructions.
int cbytes_join_open_fields(const void *bytes, size_t byte_count, unsigned width, int is_signed,
                            uint64_t centre, uint64_t *target, size_t count);

// Replaces doubles by the fraction in lowest terms, times `factor`, that each is as good as equal to,
// with a denominator of at most `denominator_max` (up to 2^20); 0 of 0 where there is none.
int cbytes_fractions(const uint64_t *cells, size_t count, double factor, double denominator_max,
                     uint64_t *numerators, uint64_t *denominators);

// Expands fractions to about the denominator `usual`, and says how many units in the last place each
// double is above its fraction. Numerators times `usual` are less than 2^51 in size.
int cbytes_expand_fractions(const uint64_t *cells, size_t count, double factor, double usual,
                            uint64_t *numerators, uint64_t *denominators, uint64_t *units);

// Replaces numerators by the bits of their fractions times `factor`; unless the numerators are less
// than 2^51 in size and the denominators from 1 to 2^51.
int cbytes_values_of_fractions(uint64_t *words, const uint64_t *denominators, size_t count,
                               double factor);

// Moves doubles by units in the last place.
int cbytes_add_units(uint64_t *words, const uint64_t *units, size_t count);

// Whether wide instructions are used where there are any: for tests of what is done without.
void cbytes_use_wide(int use);
int cbytes_uses_wide(void);

// Whether wide instructions are there and may be used.
int cbytes_has_wide(void);
