#include "cbytes.h"

// The loops of the range coder's reader (Sources/Codecs/RangeCoder.swift) by instructions that shift
// by any register and do not touch flags. They stop short of the end, where the caller's plain
// loops go on.

#if defined(__x86_64__)
#include <immintrin.h>

#define WIDE __attribute__((target("avx2,fma,bmi,bmi2")))

static inline uint64_t load16(const unsigned char *bytes) {
  uint16_t word;
  memcpy(&word, bytes, 2);
  return word;
}

static inline uint64_t load64(const unsigned char *bytes) {
  uint64_t word;
  memcpy(&word, bytes, 8);
  return word;
}

WIDE static inline uint64_t step(uint64_t *state, const uint32_t *slots,
                                 const unsigned char **place) {
  const uint64_t entry = slots[*state & 2047];
  // A damaged state may be any 32 bits: kept to them, it stays one.
  uint64_t moved = (uint32_t)((entry >> 9 & 0xfff) * (*state >> 11) + (entry >> 21));
  // Four states at a time invite the compiler to gather them in a vector, which takes longer.
  __asm__("" : "+r"(moved));
  const uint64_t refilled = moved << 16 | load16(*place);
  const uint64_t is_low = moved < 1 << 16;
  *state = is_low ? refilled : moved;
  *place += 2 * is_low;
  return entry & 511;
}

WIDE size_t cbytes_decode_tokens(const void *bytes, size_t byte_count, const uint32_t *slots,
                                 const uint64_t *values, uint64_t *states, size_t *position,
                                 uint64_t *target, size_t count) {
  if (!cbytes_has_wide() || byte_count < 8) return 0;
  const unsigned char *place = (const unsigned char *)bytes + *position;
  const unsigned char *last = (const unsigned char *)bytes + byte_count - 8;
  uint64_t s0 = states[0], s1 = states[1], s2 = states[2], s3 = states[3];
  size_t index = 0;
  for (; index + 4 <= count && place <= last; index += 4) {
    target[index] = values[step(&s0, slots, &place)];
    target[index + 1] = values[step(&s1, slots, &place)];
    target[index + 2] = values[step(&s2, slots, &place)];
    target[index + 3] = values[step(&s3, slots, &place)];
  }
  states[0] = s0;
  states[1] = s1;
  states[2] = s2;
  states[3] = s3;
  *position = (size_t)(place - (const unsigned char *)bytes);
  return index;
}

WIDE size_t cbytes_decode_open_bits(const void *bytes, size_t byte_count, const uint64_t *bases,
                                    const unsigned char *counts, unsigned count_max, int is_signed,
                                    uint64_t centre, size_t *position, uint64_t *target,
                                    size_t count) {
  if (!cbytes_has_wide() || byte_count < 8 || count_max > 57 || count_max == 0) return 0;
  const unsigned char *first = (const unsigned char *)bytes;
  const size_t last = (byte_count - 8) * 8;
  const uint64_t sign = is_signed ? 1 : 0;
  size_t place = *position, index = 0;
  while (index < count && place <= last) {
    // So many fields begin within the bytes whatever their widths.
    size_t sure = (last - place) / count_max + 1;
    const size_t end = sure < count - index ? index + sure : count;
    for (; index < end; index++) {
      const size_t token = target[index];
      const unsigned width = counts[token];
      const uint64_t word = load64(first + (place >> 3)) >> (place & 7);
      const uint64_t number = bases[token] + _bzhi_u64(word, width);
      place += width;
      target[index] = centre + (number >> sign ^ (0 - (number & sign)));
    }
  }
  *position = place;
  return index;
}
#else
size_t cbytes_decode_tokens(const void *bytes, size_t byte_count, const uint32_t *slots,
                            const uint64_t *values, uint64_t *states, size_t *position,
                            uint64_t *target, size_t count) {
  return 0;
}

size_t cbytes_decode_open_bits(const void *bytes, size_t byte_count, const uint64_t *bases,
                               const unsigned char *counts, unsigned count_max, int is_signed,
                               uint64_t centre, size_t *position, uint64_t *target, size_t count) {
  return 0;
}
#endif
