#include "cbytes.h"

// Fractions of small whole numbers (Sources/Codecs/Fraction.swift), eight at a time: a continued
// fraction is a chain of divisions, which wait for each other.

#if defined(__x86_64__)
#include <immintrin.h>

#define WIDE __attribute__((target("avx2,fma")))

// Added to an integer below 2^51 in size it makes the bits of a double that much above `magic`.
static const uint64_t magic_bits = 0x4338000000000000u;
static const double magic = 6755399441055744.0;

WIDE static inline __m256i whole_of(__m256d value) {
  const __m256d sum = _mm256_add_pd(value, _mm256_set1_pd(magic));
  return _mm256_sub_epi64(_mm256_castpd_si256(sum), _mm256_set1_epi64x((long long)magic_bits));
}

WIDE static inline __m256d double_of(__m256i value) {
  const __m256i bits = _mm256_add_epi64(value, _mm256_set1_epi64x((long long)magic_bits));
  return _mm256_sub_pd(_mm256_castsi256_pd(bits), _mm256_set1_pd(magic));
}

// Four continued fractions: the last two convergents, what is left, which lanes go on, what those
// that ended have found.
typedef struct {
  __m256d size, tolerance, rest, active;
  __m256d numerator, last_numerator, denominator, last_denominator;
  __m256d found_numerator, found_denominator;
} chain;

WIDE static inline chain chain_from(__m256d value) {
  chain found;
  found.size = _mm256_andnot_pd(_mm256_set1_pd(-0.0), value);
  found.tolerance = _mm256_mul_pd(found.size, _mm256_set1_pd(0x1p-51));
  found.rest = found.size;
  found.active = _mm256_cmp_pd(found.size, _mm256_set1_pd(0x1p31), _CMP_LT_OQ);
  found.numerator = found.last_denominator = _mm256_set1_pd(1);
  found.denominator = found.last_numerator = _mm256_setzero_pd();
  found.found_numerator = found.found_denominator = _mm256_setzero_pd();
  return found;
}

WIDE static inline void chain_step(chain *c, __m256d denominator_max) {
  const __m256d near = _mm256_cmp_pd(c->rest, _mm256_set1_pd(0x1p40), _CMP_LT_OQ);
  const __m256d whole = _mm256_floor_pd(c->rest);
  const __m256d above = _mm256_mul_pd(whole, c->numerator);
  const __m256d below = _mm256_mul_pd(whole, c->denominator);
  const __m256d numerator = _mm256_add_pd(above, c->last_numerator);
  const __m256d denominator = _mm256_add_pd(below, c->last_denominator);
  c->last_numerator = c->numerator;
  c->last_denominator = c->denominator;
  c->numerator = numerator;
  c->denominator = denominator;
  const __m256d small = _mm256_cmp_pd(denominator, denominator_max, _CMP_LE_OQ);
  c->active = _mm256_and_pd(c->active, _mm256_and_pd(near, small));
  const __m256d product = _mm256_mul_pd(c->size, denominator);
  const __m256d distance =
      _mm256_andnot_pd(_mm256_set1_pd(-0.0), _mm256_sub_pd(product, numerator));
  const __m256d allowed = _mm256_mul_pd(c->tolerance, denominator);
  const __m256d hit =
      _mm256_and_pd(c->active, _mm256_cmp_pd(distance, allowed, _CMP_LE_OQ));
  c->found_numerator = _mm256_blendv_pd(c->found_numerator, numerator, hit);
  c->found_denominator = _mm256_blendv_pd(c->found_denominator, denominator, hit);
  c->active = _mm256_andnot_pd(hit, c->active);
  c->rest = _mm256_div_pd(_mm256_set1_pd(1), _mm256_sub_pd(c->rest, whole));
}

WIDE static inline void chain_store(const chain *c, __m256d value, uint64_t *numerators,
                                    uint64_t *denominators) {
  const __m256d sign = _mm256_and_pd(_mm256_set1_pd(-0.0), value);
  _mm256_storeu_si256((__m256i *)numerators, whole_of(_mm256_xor_pd(c->found_numerator, sign)));
  _mm256_storeu_si256((__m256i *)denominators, whole_of(c->found_denominator));
}

WIDE static void fractions_of_eight(const uint64_t *cells, __m256d factor,
                                    __m256d denominator_max, uint64_t *numerators,
                                    uint64_t *denominators) {
  const __m256d first = _mm256_div_pd(_mm256_loadu_pd((const double *)cells), factor);
  const __m256d second = _mm256_div_pd(_mm256_loadu_pd((const double *)cells + 4), factor);
  chain a = chain_from(first), b = chain_from(second);
  for (int count = 0; count < 16; count++) {
    chain_step(&a, denominator_max);
    chain_step(&b, denominator_max);
    if (_mm256_movemask_pd(_mm256_or_pd(a.active, b.active)) == 0) break;
  }
  chain_store(&a, first, numerators, denominators);
  chain_store(&b, second, numerators + 4, denominators + 4);
}

WIDE static void fractions(const uint64_t *cells, size_t count, double factor,
                           double denominator_max, uint64_t *numerators,
                           uint64_t *denominators) {
  const __m256d factors = _mm256_set1_pd(factor), most = _mm256_set1_pd(denominator_max);
  size_t index = 0;
  for (; index + 8 <= count; index += 8) {
    fractions_of_eight(cells + index, factors, most, numerators + index, denominators + index);
  }
  if (index == count) return;
  uint64_t last[8] = {0}, above[8], below[8];
  memcpy(last, cells + index, (count - index) * 8);
  fractions_of_eight(last, factors, most, above, below);
  memcpy(numerators + index, above, (count - index) * 8);
  memcpy(denominators + index, below, (count - index) * 8);
}

int cbytes_fractions(const uint64_t *cells, size_t count, double factor, double denominator_max,
                     uint64_t *numerators, uint64_t *denominators) {
  if (!cbytes_has_wide()) return 0;
  fractions(cells, count, factor, denominator_max, numerators, denominators);
  return 1;
}

// The bits of doubles as signed integers in the order of the values, and back.
WIDE static inline __m256i ordered(__m256i pattern) {
  const __m256i sign = _mm256_cmpgt_epi64(_mm256_setzero_si256(), pattern);
  return _mm256_xor_si256(pattern, _mm256_srli_epi64(sign, 1));
}

WIDE static inline void expand_four(const uint64_t *cells, __m256d factor, __m256d usual,
                                    uint64_t *numerators, uint64_t *denominators,
                                    uint64_t *units) {
  __m256d numerator = double_of(_mm256_loadu_si256((const __m256i *)numerators));
  __m256d denominator = double_of(_mm256_loadu_si256((const __m256i *)denominators));
  const __m256d half = _mm256_floor_pd(_mm256_mul_pd(denominator, _mm256_set1_pd(0.5)));
  const __m256d quotient = _mm256_div_pd(_mm256_add_pd(usual, half), denominator);
  const __m256d multiple = _mm256_max_pd(_mm256_floor_pd(quotient), _mm256_set1_pd(1));
  numerator = _mm256_mul_pd(numerator, multiple);
  denominator = _mm256_mul_pd(denominator, multiple);
  _mm256_storeu_si256((__m256i *)numerators, whole_of(numerator));
  _mm256_storeu_si256((__m256i *)denominators, whole_of(denominator));
  const __m256d near = _mm256_div_pd(_mm256_mul_pd(numerator, factor), denominator);
  const __m256i cell = ordered(_mm256_loadu_si256((const __m256i *)cells));
  const __m256i distance = _mm256_sub_epi64(cell, ordered(_mm256_castpd_si256(near)));
  _mm256_storeu_si256((__m256i *)units, distance);
}

WIDE static void expand(const uint64_t *cells, size_t count, double factor, double usual,
                        uint64_t *numerators, uint64_t *denominators, uint64_t *units) {
  const __m256d factors = _mm256_set1_pd(factor), usuals = _mm256_set1_pd(usual);
  size_t index = 0;
  for (; index + 4 <= count; index += 4) {
    expand_four(cells + index, factors, usuals, numerators + index, denominators + index,
                units + index);
  }
  if (index == count) return;
  const size_t rest = (count - index) * 8;
  uint64_t last[4] = {0}, above[4] = {0}, below[4] = {1, 1, 1, 1}, distance[4];
  memcpy(last, cells + index, rest);
  memcpy(above, numerators + index, rest);
  memcpy(below, denominators + index, rest);
  expand_four(last, factors, usuals, above, below, distance);
  memcpy(numerators + index, above, rest);
  memcpy(denominators + index, below, rest);
  memcpy(units + index, distance, rest);
}

int cbytes_expand_fractions(const uint64_t *cells, size_t count, double factor, double usual,
                            uint64_t *numerators, uint64_t *denominators, uint64_t *units) {
  if (!cbytes_has_wide()) return 0;
  expand(cells, count, factor, usual, numerators, denominators, units);
  return 1;
}

WIDE static int are_fractions(const uint64_t *words, const uint64_t *denominators, size_t count) {
  const __m256i half = _mm256_set1_epi64x(1ll << 51), one = _mm256_set1_epi64x(1);
  __m256i excess = _mm256_setzero_si256();
  size_t index = 0;
  for (; index + 4 <= count; index += 4) {
    const __m256i above = _mm256_loadu_si256((const __m256i *)(words + index));
    const __m256i below = _mm256_loadu_si256((const __m256i *)(denominators + index));
    excess = _mm256_or_si256(excess, _mm256_add_epi64(above, half));
    excess = _mm256_or_si256(excess, _mm256_add_epi64(below, half));
    // Of 0 and less all upper bits are set here.
    excess = _mm256_or_si256(excess, _mm256_sub_epi64(below, one));
  }
  uint64_t rest = 0;
  for (; index < count; index++) {
    rest |= (words[index] + (1ull << 51)) | (denominators[index] + (1ull << 51)) |
            (denominators[index] - 1);
  }
  return _mm256_testz_si256(excess, _mm256_set1_epi64x((long long)(~0ull << 52))) &&
         rest >> 52 == 0;
}

WIDE static void values_of(uint64_t *words, const uint64_t *denominators, size_t count,
                           double factor) {
  const __m256d factors = _mm256_set1_pd(factor);
  size_t index = 0;
  for (; index + 4 <= count; index += 4) {
    const __m256d above = double_of(_mm256_loadu_si256((const __m256i *)(words + index)));
    const __m256d below = double_of(_mm256_loadu_si256((const __m256i *)(denominators + index)));
    _mm256_storeu_pd((double *)(words + index),
                     _mm256_div_pd(_mm256_mul_pd(above, factors), below));
  }
  for (; index < count; index++) {
    const double above = (double)(int64_t)words[index] * factor;
    const double value = above / (double)(int64_t)denominators[index];
    memcpy(words + index, &value, 8);
  }
}

int cbytes_values_of_fractions(uint64_t *words, const uint64_t *denominators, size_t count,
                               double factor) {
  if (!cbytes_has_wide() || !are_fractions(words, denominators, count)) return 0;
  values_of(words, denominators, count, factor);
  return 1;
}

WIDE static void add_units(uint64_t *words, const uint64_t *units, size_t count) {
  size_t index = 0;
  for (; index + 4 <= count; index += 4) {
    const __m256i place = ordered(_mm256_loadu_si256((const __m256i *)(words + index)));
    const __m256i distance = _mm256_loadu_si256((const __m256i *)(units + index));
    _mm256_storeu_si256((__m256i *)(words + index), ordered(_mm256_add_epi64(place, distance)));
  }
  for (; index < count; index++) {
    const uint64_t sign = words[index] >> 63;
    const uint64_t place = (words[index] ^ (0 - sign) >> 1) + units[index];
    words[index] = place ^ (0 - (place >> 63)) >> 1;
  }
}

int cbytes_add_units(uint64_t *words, const uint64_t *units, size_t count) {
  if (!cbytes_has_wide()) return 0;
  add_units(words, units, count);
  return 1;
}
#else
int cbytes_fractions(const uint64_t *cells, size_t count, double factor, double denominator_max,
                     uint64_t *numerators, uint64_t *denominators) {
  return 0;
}

int cbytes_expand_fractions(const uint64_t *cells, size_t count, double factor, double usual,
                            uint64_t *numerators, uint64_t *denominators, uint64_t *units) {
  return 0;
}

int cbytes_values_of_fractions(uint64_t *words, const uint64_t *denominators, size_t count,
                               double factor) {
  return 0;
}

int cbytes_add_units(uint64_t *words, const uint64_t *units, size_t count) { return 0; }
#endif
