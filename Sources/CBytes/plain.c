#include "cbytes.h"

// The most common chunk of sixty rows, whole: fields, sums of them, quotients by a power of ten.

#if defined(__x86_64__)
#include <immintrin.h>

#define WIDE __attribute__((target("avx2,fma")))

// A block of narrow fields, its sums and their quotients in one go. All numbers are taken relative
// to one that comes before them, so that eight of them fit a vector.
typedef struct {
  unsigned width;
  int32_t base, step;
  int64_t offset, divisor;
  double power;
} plain_block;

typedef struct {
  __m256i places, shifts, mask, base, sum, step, offset, divisor;
  __m256d power, inverse, whole_offset, whole_divisor;
  size_t second;
} plain_state;

WIDE static inline plain_state plain_start(const plain_block *block, int order, int is_divided) {
  plain_state state;
  const int width = (int)block->width;
  state.second = (size_t)(4 * width) >> 3;
  const __m256i bits =
      _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(width));
  const __m256i starts =
      _mm256_set_m128i(_mm_set1_epi32((int)state.second), _mm_setzero_si128());
  const __m256i bytes = _mm256_sub_epi32(_mm256_srli_epi32(bits, 3), starts);
  const __m128i lowest = _mm_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c);
  state.places = _mm256_add_epi8(_mm256_shuffle_epi8(bytes, _mm256_set_m128i(lowest, lowest)),
                                 _mm256_set1_epi32(0x03020100));
  state.shifts = _mm256_and_si256(bits, _mm256_set1_epi32(7));
  state.mask = _mm256_set1_epi32((1 << width) - 1);
  state.base = _mm256_set1_epi32(block->base);
  state.sum = _mm256_setzero_si256();
  state.step = _mm256_set1_epi32(block->step);
  // Sums carry the base themselves.
  const int64_t base = is_divided ? block->base * block->divisor : block->base;
  const int64_t offset = block->offset + (order == 0 ? base : 0);
  state.offset = _mm256_set1_epi64x(offset);
  state.whole_offset = _mm256_set1_pd((double)offset);
  state.divisor = _mm256_set1_epi64x(is_divided ? block->divisor : 1);
  state.whole_divisor = _mm256_set1_pd(is_divided ? (double)block->divisor : 1);
  state.power = _mm256_set1_pd(block->power);
  state.inverse = _mm256_div_pd(_mm256_set1_pd(1), state.power);
  return state;
}

// The sums of eight numbers and of all before them.
WIDE static inline __m256i narrow_sums_of(__m256i values, __m256i *carry) {
  __m256i sums = _mm256_add_epi32(values, _mm256_slli_si256(values, 4));
  sums = _mm256_add_epi32(sums, _mm256_slli_si256(sums, 8));
  const __m256i half = _mm256_permutevar8x32_epi32(sums, _mm256_set1_epi32(3));
  sums = _mm256_add_epi32(sums, _mm256_blend_epi32(_mm256_setzero_si256(), half, 0xf0));
  const __m256i before = *carry;
  *carry = _mm256_add_epi32(before, _mm256_permutevar8x32_epi32(sums, _mm256_set1_epi32(7)));
  return _mm256_add_epi32(sums, before);
}

WIDE static inline __m256i plain_four(__m128i values, int is_float, int is_divided,
                                      const plain_state *state) {
  if (!is_float) {
    __m256i wide = _mm256_cvtepi32_epi64(values);
    if (is_divided) wide = _mm256_mul_epi32(wide, state->divisor);
    return _mm256_add_epi64(wide, state->offset);
  }
  __m256d value = _mm256_cvtepi32_pd(values);
  // Exact: products and sums are of less than 2^53.
  value = is_divided ? _mm256_fmadd_pd(value, state->whole_divisor, state->whole_offset)
                     : _mm256_add_pd(value, state->whole_offset);
  __m256d near = _mm256_mul_pd(value, state->inverse);
  __m256d rest = _mm256_fnmadd_pd(near, state->power, value);
  return _mm256_castpd_si256(_mm256_fmadd_pd(rest, state->inverse, near));
}

typedef struct {
  __m256i low, high;
} eight;

// Eight values from the bytes where the first four begin, and those where the others do.
__attribute__((always_inline)) WIDE static inline eight
plain_eight(__m128i first, __m128i second, int order, int is_float, int is_divided,
            plain_state *state) {
  const __m256i bytes = _mm256_set_m128i(second, first);
  __m256i values = _mm256_and_si256(
      _mm256_srlv_epi32(_mm256_shuffle_epi8(bytes, state->places), state->shifts), state->mask);
  if (order > 0) values = _mm256_add_epi32(values, state->base);
  if (order == 2) values = narrow_sums_of(values, &state->step);
  if (order >= 1) values = narrow_sums_of(values, &state->sum);
  const eight found = {
      plain_four(_mm256_castsi256_si128(values), is_float, is_divided, state),
      plain_four(_mm256_extracti128_si256(values, 1), is_float, is_divided, state)};
  return found;
}

// Stores the first `count` of eight values.
WIDE static inline void store(eight values, uint64_t *target, size_t count) {
  if (count == 8) _mm256_storeu_si256((__m256i *)(target + 4), values.high);
  if (count >= 4) {
    _mm256_storeu_si256((__m256i *)target, values.low);
    values.low = values.high;
    target += 4;
  }
  if (count == 8) return;
  __m128i two = _mm256_castsi256_si128(values.low);
  if (count & 2) {
    _mm_storeu_si128((__m128i *)target, two);
    two = _mm256_extracti128_si256(values.low, 1);
    target += 2;
  }
  if (count & 1) _mm_storel_epi64((__m128i *)target, two);
}

static const unsigned char shifted_places[32] = {
    0,    1,    2,    3,    4,    5,    6,    7,    8,    9,    10,   11,   12,   13,   14,   15,
    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};

// The sixteen bytes at `place`, zeros from `end` on; sixteen bytes or more lie before `end`.
WIDE static inline __m128i bytes_before(const unsigned char *place, const unsigned char *end) {
  if (end - place >= 16) return _mm_loadu_si128((const __m128i *)place);
  const size_t missing = end > place ? (size_t)(place + 16 - end) : 16;
  return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(end - 16)),
                          _mm_loadu_si128((const __m128i *)(shifted_places + missing)));
}

__attribute__((always_inline)) WIDE static inline void
decode_plain(const plain_block *block, const unsigned char *bytes, size_t byte_count,
             uint64_t *target, size_t count, int order, int is_float, int is_divided) {
  plain_state state = plain_start(block, order, is_divided);
  const unsigned width = block->width;
  // How far the loads of a group reach.
  const size_t reach = state.second + 16;
  for (; count >= 8 && reach <= byte_count; count -= 8, byte_count -= width) {
    const __m128i first = _mm_loadu_si128((const __m128i *)bytes);
    const __m128i second = _mm_loadu_si128((const __m128i *)(bytes + state.second));
    const eight found = plain_eight(first, second, order, is_float, is_divided, &state);
    _mm256_storeu_si256((__m256i *)target, found.low);
    _mm256_storeu_si256((__m256i *)(target + 4), found.high);
    bytes += width;
    target += 8;
  }
  const unsigned char *end = bytes + byte_count;
  while (count > 0) {
    const size_t some = count < 8 ? count : 8;
    const __m128i first = bytes_before(bytes, end);
    const __m128i second = bytes_before(bytes + state.second, end);
    store(plain_eight(first, second, order, is_float, is_divided, &state), target, some);
    bytes += width;
    target += some;
    count -= some;
  }
}

__attribute__((always_inline)) WIDE static inline void
decode_plain_by(const plain_block *block, const unsigned char *bytes, size_t byte_count,
                unsigned order, uint64_t *target, size_t count, int is_divided) {
  switch (order * 2 + (block->power != 0 ? 1 : 0)) {
  case 0: return decode_plain(block, bytes, byte_count, target, count, 0, 0, is_divided);
  case 1: return decode_plain(block, bytes, byte_count, target, count, 0, 1, is_divided);
  case 2: return decode_plain(block, bytes, byte_count, target, count, 1, 0, is_divided);
  case 3: return decode_plain(block, bytes, byte_count, target, count, 1, 1, is_divided);
  case 4: return decode_plain(block, bytes, byte_count, target, count, 2, 0, is_divided);
  default: return decode_plain(block, bytes, byte_count, target, count, 2, 1, is_divided);
  }
}

WIDE static void decode_plain_of(const plain_block *block, const unsigned char *bytes,
                                 size_t byte_count, unsigned order, uint64_t *target,
                                 size_t count) {
  decode_plain_by(block, bytes, byte_count, order, target, count, 0);
}

WIDE static void decode_divided_of(const plain_block *block, const unsigned char *bytes,
                                   size_t byte_count, unsigned order, uint64_t *target,
                                   size_t count) {
  decode_plain_by(block, bytes, byte_count, order, target, count, 1);
}

int cbytes_decode_plain(const void *bytes, size_t byte_count, const cbytes_plain *plain,
                        uint64_t *target, size_t count) {
  const int64_t narrow = INT32_MAX, limit = 1ll << 50;
  const unsigned width = plain->width, order = plain->order;
  const int64_t base = plain->base, step = plain->step, divisor = plain->divisor;
  if (width == 0 || width > 25 || order > 2 || order >= count || count > 128 ||
      byte_count != ((count - order) * width + 7) / 8 || !(plain->power <= 1e15) ||
      base < -narrow || base > narrow || step < -narrow || step > narrow || divisor < 1 ||
      divisor > narrow || !cbytes_has_wide())
    return 0;
  const int64_t top = base + (1ll << width);
  const int64_t most = top > -base ? top : -base, number = (int64_t)count;
  const int64_t reach = order == 0   ? most
                        : order == 1 ? number * most
                                     : number * (step < 0 ? -step : step) + number * number * most;
  if (order > 0 && reach > narrow) return 0;
  int64_t first = plain->first;
  if (divisor > 1 &&
      (reach * divisor > limit || __builtin_mul_overflow(first, divisor, &first) ||
       __builtin_add_overflow(plain->offset, first, &first)))
    return 0;
  if (first < -limit || first > limit) return 0;
  for (unsigned index = 0; index < order; index++) {
    const int64_t value = index == 0 ? first : first + step * divisor;
    const double quotient = (double)value / plain->power;
    memcpy(target + index, plain->power != 0 ? (const void *)&quotient : (const void *)&value, 8);
  }
  unsigned char few[16] = {0};
  if (byte_count < 16) {
    // Sixteen bytes or more, so that loads from the end stay inside.
    memcpy(few + 16 - byte_count, bytes, byte_count);
  }
  const plain_block block = {width, (int32_t)base, (int32_t)step,
                             order == 2 ? first + step * divisor : first, divisor, plain->power};
  const unsigned char *fields =
      byte_count < 16 ? few + 16 - byte_count : (const unsigned char *)bytes;
  if (divisor == 1) {
    decode_plain_of(&block, fields, byte_count, order, target + order, count - order);
  } else {
    decode_divided_of(&block, fields, byte_count, order, target + order, count - order);
  }
  return 1;
}
#else
int cbytes_decode_plain(const void *bytes, size_t byte_count, const cbytes_plain *plain,
                        uint64_t *target, size_t count) {
  return 0;
}
#endif
