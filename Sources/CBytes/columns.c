#include "cbytes.h"

// Columns of 64-bit words by instructions that not every processor has: shifts by lane, multiply
// and add in one rounding. Each function says whether it has done the work; where it has not, the
// caller's plain loop does the same.

static int is_wide = 1;

void cbytes_use_wide(int use) { __atomic_store_n(&is_wide, use, __ATOMIC_RELAXED); }

int cbytes_uses_wide(void) { return __atomic_load_n(&is_wide, __ATOMIC_RELAXED); }

#if defined(__x86_64__)
#include <immintrin.h>

#define WIDE __attribute__((target("avx2,fma")))

int cbytes_has_wide(void) {
  return __atomic_load_n(&is_wide, __ATOMIC_RELAXED) && __builtin_cpu_supports("avx2") &&
         __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
}

// What four fields of a group of eight need: which bytes go to which lane, and by how much each
// lane is shifted. Two loads of 16 bytes hold two fields each.
typedef struct {
  __m256i places, shifts;
  size_t first, second;
} fields;

WIDE static inline fields fields_from(unsigned field, unsigned width) {
  fields found;
  found.first = (field * width) >> 3;
  found.second = ((field + 2) * width) >> 3;
  const __m256i lanes = _mm256_setr_epi64x(field, field + 1, field + 2, field + 3);
  const __m256i bits = _mm256_mul_epu32(lanes, _mm256_set1_epi64x(width));
  const __m256i starts = _mm256_set_m128i(_mm_set1_epi64x((long long)found.second),
                                          _mm_set1_epi64x((long long)found.first));
  const __m256i bytes = _mm256_sub_epi64(_mm256_srli_epi64(bits, 3), starts);
  // Each lane's lowest byte eight times. Bytes beyond the sixteen come round again; they lie above
  // the field.
  const __m256i lowest = _mm256_setr_epi64x(0, 0x0808080808080808, 0, 0x0808080808080808);
  found.places = _mm256_add_epi8(_mm256_shuffle_epi8(bytes, lowest),
                                 _mm256_set1_epi64x(0x0706050403020100));
  found.shifts = _mm256_and_si256(bits, _mm256_set1_epi64x(7));
  return found;
}

WIDE static inline __m256i four(const unsigned char *group, const fields *f, __m256i mask,
                                __m256i base) {
  __m256i bytes = _mm256_inserti128_si256(
      _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(group + f->first))),
      _mm_loadu_si128((const __m128i *)(group + f->second)), 1);
  __m256i words = _mm256_srlv_epi64(_mm256_shuffle_epi8(bytes, f->places), f->shifts);
  return _mm256_add_epi64(_mm256_and_si256(words, mask), base);
}

WIDE static void unpack(const unsigned char *bytes, size_t byte_count, unsigned width,
                        uint64_t base, uint64_t *target, size_t count) {
  const fields low = fields_from(0, width), high = fields_from(4, width);
  const __m256i mask = _mm256_set1_epi64x((long long)(~0ull >> (64 - width)));
  const __m256i above = _mm256_set1_epi64x((long long)base);
  // How far the loads of a group reach.
  const size_t reach = high.second + 16;
  while (count >= 8 && reach <= byte_count) {
    _mm256_storeu_si256((__m256i *)target, four(bytes, &low, mask, above));
    _mm256_storeu_si256((__m256i *)(target + 4), four(bytes, &high, mask, above));
    bytes += width;
    byte_count -= width;
    target += 8;
    count -= 8;
  }
  if (count == 0) return;
  // The last groups from a copy with room behind it: fewer than 58 bytes are left.
  unsigned char tail[128] = {0};
  memcpy(tail, bytes, byte_count);
  const unsigned char *group = tail;
  while (count >= 8) {
    _mm256_storeu_si256((__m256i *)target, four(group, &low, mask, above));
    _mm256_storeu_si256((__m256i *)(target + 4), four(group, &high, mask, above));
    group += width;
    target += 8;
    count -= 8;
  }
  uint64_t last[8];
  _mm256_storeu_si256((__m256i *)last, four(group, &low, mask, above));
  _mm256_storeu_si256((__m256i *)(last + 4), four(group, &high, mask, above));
  memcpy(target, last, count * 8);
}

int cbytes_unpack(const void *bytes, size_t byte_count, unsigned width, uint64_t base,
                  uint64_t *target, size_t count) {
  if (width == 0 || width > 57 || byte_count != (count * width + 7) / 8 || !cbytes_has_wide()) return 0;
  unpack((const unsigned char *)bytes, byte_count, width, base, target, count);
  return 1;
}

// The sums of four numbers and of all before them.
WIDE static inline __m256i sums_of(__m256i values, __m256i *carry) {
  __m256i sums = _mm256_add_epi64(values, _mm256_slli_si256(values, 8));
  __m256i half = _mm256_permute4x64_epi64(sums, _MM_SHUFFLE(1, 1, 1, 1));
  sums = _mm256_add_epi64(sums, _mm256_blend_epi32(_mm256_setzero_si256(), half, 0xf0));
  const __m256i before = *carry;
  *carry = _mm256_add_epi64(before, _mm256_permute4x64_epi64(sums, _MM_SHUFFLE(3, 3, 3, 3)));
  return _mm256_add_epi64(sums, before);
}

WIDE static void integrate(uint64_t *words, size_t count, uint64_t first) {
  size_t index = 1;
  __m256i carry = _mm256_set1_epi64x((long long)first);
  words[0] = first;
  for (; index + 4 <= count; index += 4) {
    __m256i some = _mm256_loadu_si256((const __m256i *)(words + index));
    _mm256_storeu_si256((__m256i *)(words + index), sums_of(some, &carry));
  }
  for (; index < count; index++) words[index] += words[index - 1];
}

int cbytes_integrate(uint64_t *words, size_t count, uint64_t first) {
  if (count < 8 || !cbytes_has_wide()) return 0;
  integrate(words, count, first);
  return 1;
}

WIDE static inline __m256i multiple(__m256i words, __m256i factor, __m256i upper_factor,
                                    __m256i offset) {
  const __m256i upper = _mm256_add_epi64(_mm256_mul_epu32(_mm256_srli_epi64(words, 32), factor),
                                         _mm256_mul_epu32(words, upper_factor));
  const __m256i product =
      _mm256_add_epi64(_mm256_mul_epu32(words, factor), _mm256_slli_epi64(upper, 32));
  return _mm256_add_epi64(product, offset);
}

WIDE static void multiply(uint64_t *words, size_t count, uint64_t factor, uint64_t offset) {
  const __m256i lower = _mm256_set1_epi64x((long long)factor);
  const __m256i upper = _mm256_srli_epi64(lower, 32);
  const __m256i above = _mm256_set1_epi64x((long long)offset);
  size_t index = 0;
  for (; index + 4 <= count; index += 4) {
    __m256i some = _mm256_loadu_si256((const __m256i *)(words + index));
    _mm256_storeu_si256((__m256i *)(words + index), multiple(some, lower, upper, above));
  }
  for (; index < count; index++) words[index] = words[index] * factor + offset;
}

int cbytes_multiply(uint64_t *words, size_t count, uint64_t factor, uint64_t offset) {
  if (!cbytes_has_wide()) return 0;
  multiply(words, count, factor, offset);
  return 1;
}

// Added to an integer below 2^51 in size it makes the bits of a double that much above `magic`.
static const uint64_t magic_bits = 0x4338000000000000u;
static const double magic = 6755399441055744.0;

WIDE static inline __m256d quotient(__m256i words, __m256d inverse, __m256d power) {
  const __m256i bits = _mm256_set1_epi64x((long long)magic_bits);
  __m256d value =
      _mm256_sub_pd(_mm256_castsi256_pd(_mm256_add_epi64(words, bits)), _mm256_set1_pd(magic));
  // The quotient by the inverse, and what that leaves, which is exact: added to the quotient it is
  // rounded once, as a division is.
  __m256d near = _mm256_mul_pd(value, inverse);
  return _mm256_fmadd_pd(_mm256_fnmadd_pd(near, power, value), inverse, near);
}

WIDE static int is_small(const uint64_t *words, size_t count) {
  const __m256i half = _mm256_set1_epi64x(1ll << 51);
  __m256i excess = _mm256_setzero_si256();
  size_t index = 0;
  for (; index + 4 <= count; index += 4) {
    __m256i some = _mm256_loadu_si256((const __m256i *)(words + index));
    excess = _mm256_or_si256(excess, _mm256_add_epi64(some, half));
  }
  uint64_t rest = 0;
  for (; index < count; index++) rest |= words[index] + (1ull << 51);
  return _mm256_testz_si256(excess, _mm256_set1_epi64x((long long)(~0ull << 52))) &&
         rest >> 52 == 0;
}

WIDE static void unscale(uint64_t *words, size_t count, double power) {
  const __m256d wide_power = _mm256_set1_pd(power), inverse = _mm256_set1_pd(1 / power);
  size_t index = 0;
  for (; index + 4 <= count; index += 4) {
    __m256i some = _mm256_loadu_si256((const __m256i *)(words + index));
    _mm256_storeu_pd((double *)(words + index), quotient(some, inverse, wide_power));
  }
  uint64_t last[4] = {0};
  memcpy(last, words + index, (count - index) * 8);
  const __m256i rest = _mm256_loadu_si256((const __m256i *)last);
  _mm256_storeu_pd((double *)last, quotient(rest, inverse, wide_power));
  memcpy(words + index, last, (count - index) * 8);
}

WIDE static void divide(uint64_t *words, size_t count, double divisor) {
  const __m256d divisors = _mm256_set1_pd(divisor), zero = _mm256_set1_pd(magic);
  const __m256i bits = _mm256_set1_epi64x((long long)magic_bits);
  size_t index = 0;
  for (; index + 4 <= count; index += 4) {
    __m256i some = _mm256_loadu_si256((const __m256i *)(words + index));
    __m256d value = _mm256_sub_pd(_mm256_castsi256_pd(_mm256_add_epi64(some, bits)), zero);
    _mm256_storeu_pd((double *)(words + index), _mm256_div_pd(value, divisors));
  }
  for (; index < count; index++) {
    const double quotient = (double)(int64_t)words[index] / divisor;
    memcpy(words + index, &quotient, 8);
  }
}

// Parts that stay in the first-level cache between the look at them and the work.
enum { part_count = 1024 };

static void divide_large(uint64_t *words, size_t count, double divisor) {
  for (size_t index = 0; index < count; index++) {
    const double quotient = (double)(int64_t)words[index] / divisor;
    memcpy(words + index, &quotient, 8);
  }
}

int cbytes_unscale(uint64_t *words, size_t count, double power) {
  // 5^15 has 35 bits: no quotient of 52 bits by 10^15 lies so near the middle of two doubles that
  // the inverse's own error mattered.
  if (!(power <= 1e15) || !cbytes_has_wide()) return 0;
  for (size_t part; count > 0; words += part, count -= part) {
    part = count < part_count ? count : part_count;
    if (is_small(words, part)) {
      unscale(words, part, power);
    } else {
      divide_large(words, part, power);
    }
  }
  return 1;
}

int cbytes_divide(uint64_t *words, size_t count, double divisor) {
  if (!cbytes_has_wide()) return 0;
  for (size_t part; count > 0; words += part, count -= part) {
    part = count < part_count ? count : part_count;
    if (is_small(words, part)) {
      divide(words, part, divisor);
    } else {
      divide_large(words, part, divisor);
    }
  }
  return 1;
}
#else
int cbytes_has_wide(void) { return 0; }

int cbytes_unpack(const void *bytes, size_t byte_count, unsigned width, uint64_t base,
                  uint64_t *target, size_t count) {
  return 0;
}

int cbytes_integrate(uint64_t *words, size_t count, uint64_t first) { return 0; }

int cbytes_multiply(uint64_t *words, size_t count, uint64_t factor, uint64_t offset) {
  return 0;
}

int cbytes_unscale(uint64_t *words, size_t count, double power) { return 0; }

int cbytes_divide(uint64_t *words, size_t count, double divisor) { return 0; }
#endif
