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

// A state and its low bits, which say the next slot: where a state is refilled they are those of the
// refill, so that the slot need not wait for the state.
typedef struct {
  uint64_t state, slot;
} lane;

WIDE static inline uint64_t step(lane *lane, const cbytes_slot *slots,
                                 const unsigned char **place) {
  const cbytes_slot *slot = slots + lane->slot;
  // A damaged state may be any 32 bits: kept to them, it stays one.
  uint64_t moved = (uint32_t)(slot->frequency * (lane->state >> 11) + slot->place);
  // Four states at a time invite the compiler to gather them in a vector, which takes longer.
  __asm__("" : "+r"(moved));
  const uint64_t next = load16(*place);
  const uint64_t is_low = moved < 1 << 16;
  const uint64_t refilled = moved << 16 | next;
  uint64_t low_bits = is_low ? next : moved;
  __asm__("" : "+r"(low_bits));
  lane->state = is_low ? refilled : moved;
  lane->slot = low_bits & 2047;
  *place += 2 * is_low;
  return slot->token;
}

WIDE size_t cbytes_decode_tokens(const void *bytes, size_t byte_count, const cbytes_slot *slots,
                                 const uint64_t *values, uint64_t *states, size_t *position,
                                 uint64_t *target, size_t count) {
  if (!cbytes_has_wide() || byte_count < 8) return 0;
  const unsigned char *place = (const unsigned char *)bytes + *position;
  const unsigned char *last = (const unsigned char *)bytes + byte_count - 8;
  lane a = {states[0], states[0] & 2047}, b = {states[1], states[1] & 2047};
  lane c = {states[2], states[2] & 2047}, d = {states[3], states[3] & 2047};
  size_t index = 0;
  for (; index + 4 <= count && place <= last; index += 4) {
    target[index] = values[step(&a, slots, &place)];
    target[index + 1] = values[step(&b, slots, &place)];
    target[index + 2] = values[step(&c, slots, &place)];
    target[index + 3] = values[step(&d, slots, &place)];
  }
  states[0] = a.state;
  states[1] = b.state;
  states[2] = c.state;
  states[3] = d.state;
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

// Four numbers of which the upper bits are known, from the lower ones.
WIDE static inline __m256i join(__m256i upper, __m256i lower, __m128i shift, __m256i sign,
                                __m128i sign_count, __m256i centre) {
  const __m256i number = _mm256_or_si256(_mm256_sll_epi64(upper, shift), lower);
  const __m256i negative =
      _mm256_sub_epi64(_mm256_setzero_si256(), _mm256_and_si256(number, sign));
  return _mm256_add_epi64(
      _mm256_xor_si256(_mm256_srl_epi64(number, sign_count), negative), centre);
}

WIDE static void join_all(uint64_t *target, const uint64_t *lower, size_t count, unsigned shift,
                          int is_signed, uint64_t centre) {
  const __m256i sign = _mm256_set1_epi64x(is_signed ? 1 : 0);
  const __m256i above = _mm256_set1_epi64x((long long)centre);
  const __m128i upper_count = _mm_cvtsi32_si128((int)shift);
  const __m128i sign_count = _mm_cvtsi32_si128(is_signed ? 1 : 0);
  size_t index = 0;
  for (; index + 4 <= count; index += 4) {
    const __m256i upper = _mm256_loadu_si256((const __m256i *)(target + index));
    const __m256i rest = _mm256_loadu_si256((const __m256i *)(lower + index));
    _mm256_storeu_si256((__m256i *)(target + index),
                        join(upper, rest, upper_count, sign, sign_count, above));
  }
  uint64_t last[4] = {0};
  memcpy(last, target + index, (count - index) * 8);
  const __m256i upper = _mm256_loadu_si256((const __m256i *)last);
  const __m256i rest = _mm256_loadu_si256((const __m256i *)(lower + index));
  _mm256_storeu_si256((__m256i *)last, join(upper, rest, upper_count, sign, sign_count, above));
  memcpy(target + index, last, (count - index) * 8);
}

int cbytes_join_open_fields(const void *bytes, size_t byte_count, unsigned width, int is_signed,
                            uint64_t centre, uint64_t *target, size_t count) {
  enum { part_count = 256 };
  if (width == 0 || width > 57 || byte_count != (count * width + 7) / 8 || !cbytes_has_wide())
    return 0;
  const unsigned char *fields = (const unsigned char *)bytes;
  while (count > 0) {
    // Parts begin at whole bytes. Four behind the last one may be read.
    uint64_t lower[part_count + 4];
    const size_t part = count < part_count ? count : part_count;
    const size_t part_bytes = (part * width + 7) / 8;
    cbytes_unpack(fields, part_bytes, width, 0, lower, part);
    memset(lower + part, 0, 32);
    join_all(target, lower, part, width, is_signed, centre);
    fields += part_bytes;
    target += part;
    count -= part;
  }
  return 1;
}
#else
size_t cbytes_decode_tokens(const void *bytes, size_t byte_count, const cbytes_slot *slots,
                            const uint64_t *values, uint64_t *states, size_t *position,
                            uint64_t *target, size_t count) {
  return 0;
}

size_t cbytes_decode_open_bits(const void *bytes, size_t byte_count, const uint64_t *bases,
                               const unsigned char *counts, unsigned count_max, int is_signed,
                               uint64_t centre, size_t *position, uint64_t *target, size_t count) {
  return 0;
}

int cbytes_join_open_fields(const void *bytes, size_t byte_count, unsigned width, int is_signed,
                            uint64_t centre, uint64_t *target, size_t count) {
  return 0;
}
#endif
