#include "cbytes_tile.h"

#include <string.h>

#include "cbytes.h"

// Tiles: up to eight columns of rows at once, one column a lane. Rows carry integers of 32 bits or
// less (Sources/Model/RowEncoder.swift), so that eight of them fill a vector, and what is asked of
// every column (its least and greatest value, its sum) takes one instruction a row for all of them.

#if defined(__x86_64__)
#include <immintrin.h>

#define WIDE __attribute__((target("avx2,fma")))

// What a byte of four 2-bit codes says: how many bytes its values take, and which of them go to
// which lane, at the lane's upper end. Codes 0, 1, 2, 3 stand for 0, 1, 2, 4 bytes.
#define LENGTH(code) ((code) == 3 ? 4 : (code))
#define CODE(codes, lane) ((codes) >> (2 * (lane)) & 3)
#define LENGTH_OF(codes, lane) LENGTH(CODE(codes, lane))
#define START_1(codes) LENGTH_OF(codes, 0)
#define START_2(codes) (START_1(codes) + LENGTH_OF(codes, 1))
#define START_3(codes) (START_2(codes) + LENGTH_OF(codes, 2))
#define PLACE(start, length, byte) \
  ((byte) >= 4 - (length) ? (start) + (byte) - 4 + (length) : 0x80)
#define PLACES(start, length)                                                              \
  PLACE(start, length, 0), PLACE(start, length, 1), PLACE(start, length, 2),               \
      PLACE(start, length, 3)
#define SHUFFLE(c)                                                                         \
  {PLACES(0, LENGTH_OF(c, 0)), PLACES(START_1(c), LENGTH_OF(c, 1)),                        \
   PLACES(START_2(c), LENGTH_OF(c, 2)), PLACES(START_3(c), LENGTH_OF(c, 3))}
#define BYTE_COUNT(c) (START_3(c) + LENGTH_OF(c, 3))
#define FOUR(of, c) of(c), of((c) + 1), of((c) + 2), of((c) + 3)
#define SIXTEEN(of, c) FOUR(of, c), FOUR(of, (c) + 4), FOUR(of, (c) + 8), FOUR(of, (c) + 12)
#define SIXTY_FOUR(of, c) \
  SIXTEEN(of, c), SIXTEEN(of, (c) + 16), SIXTEEN(of, (c) + 32), SIXTEEN(of, (c) + 48)
#define ALL(of) SIXTY_FOUR(of, 0), SIXTY_FOUR(of, 64), SIXTY_FOUR(of, 128), SIXTY_FOUR(of, 192)

static const unsigned char shuffles[256][16] = {ALL(SHUFFLE)};
static const unsigned char byte_counts[256] = {ALL(BYTE_COUNT)};

static uint32_t load32(const unsigned char *bytes) {
  uint32_t word;
  memcpy(&word, bytes, 4);
  return word;
}

// One row, value by value: exceptions and damaged payloads. Returns the lanes with exceptions.
static unsigned decode_row(cbytes_row *row, unsigned codes, size_t lane_count, int32_t *target,
                           uint64_t *cells, size_t stride) {
  const unsigned char *data = row->data, *end = row->end;
  unsigned exceptions = 0;
  for (size_t lane = 0; lane < 8; lane++) target[lane] = 0;
  for (size_t lane = 0; lane < lane_count; lane++) {
    unsigned code = codes >> (2 * lane) & 3;
    unsigned length = LENGTH(code);
    uint32_t word = load32(data);
    int is_exception = code == 3 && word == 0x80000000u;
    // Of an exception the cell comes behind its mark.
    if ((size_t)(end - data) < (is_exception ? 12 : length)) {
      row->is_damaged = 1;
      data = end;
      break;
    }
    data += length;
    if (is_exception) {
      memcpy(cells + lane * stride, data, 8);
      data += 8;
      target[lane] = INT32_MIN;
      exceptions |= 1u << lane;
    } else if (length > 0) {
      target[lane] = (int32_t)(word << (32 - 8 * length)) >> (32 - 8 * length);
    }
  }
  row->data = data;
  return exceptions;
}

WIDE static unsigned decode(cbytes_row *rows, size_t count, size_t column, size_t lane_count,
                            int32_t *target, uint64_t *cells) {
  const __m256i places = _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14);
  const __m256i three = _mm256_set1_epi32(3), mark = _mm256_set1_epi32(INT32_MIN);
  const __m256i shifts = _mm256_setr_epi32(0, 24, 16, 0, 0, 0, 0, 0);
  const unsigned mask = 0xffffu >> (16 - 2 * lane_count);
  const size_t control = column / 4;
  unsigned exceptions = 0;
  for (size_t index = 0; index < count; index++, target += 8) {
    cbytes_row *row = rows + index;
    if (row->is_damaged) {
      _mm256_storeu_si256((__m256i *)target, _mm256_setzero_si256());
      continue;
    }
    const unsigned char *controls = (const unsigned char *)row->control + control;
    const unsigned codes = (controls[0] | controls[1] << 8) & mask;
    const unsigned low = codes & 255, high = codes >> 8;
    const unsigned char *data = row->data;
    __m128i first = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)data),
                                     _mm_loadu_si128((const __m128i *)shuffles[low]));
    data += byte_counts[low];
    __m128i second = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)data),
                                      _mm_loadu_si128((const __m128i *)shuffles[high]));
    data += byte_counts[high];
    __m256i lanes = _mm256_and_si256(_mm256_srlv_epi32(_mm256_set1_epi32((int)codes), places), three);
    __m256i values = _mm256_srav_epi32(_mm256_set_m128i(second, first),
                                       _mm256_permutevar8x32_epi32(shifts, lanes));
    if ((const void *)data > row->end || !_mm256_testz_si256(_mm256_cmpeq_epi32(values, mark), mark)) {
      exceptions |= decode_row(row, codes, lane_count, target, cells + index, count);
      continue;
    }
    _mm256_storeu_si256((__m256i *)target, values);
    row->data = data;
  }
  return exceptions;
}

int cbytes_tile_decode(cbytes_row *rows, size_t count, size_t column, size_t lane_count,
                       int32_t *target, uint64_t *cells, uint32_t *exceptions) {
  if (column % 8 != 0 || lane_count < 1 || lane_count > 8 || !cbytes_has_wide()) return 0;
  *exceptions = decode(rows, count, column, lane_count, target, cells);
  return 1;
}

// Eight rows of eight lanes become eight lanes of eight rows, `stride` apart.
WIDE static inline void transpose(const int32_t *rows, int32_t *columns, size_t stride) {
  __m256i r[8], s[8];
  for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_si256((const __m256i *)(rows + 8 * i));
  for (int i = 0; i < 4; i++) {
    s[2 * i] = _mm256_unpacklo_epi32(r[2 * i], r[2 * i + 1]);
    s[2 * i + 1] = _mm256_unpackhi_epi32(r[2 * i], r[2 * i + 1]);
  }
  for (int half = 0; half < 2; half++) {
    const __m256i *from = s + 4 * half;
    r[4 * half] = _mm256_unpacklo_epi64(from[0], from[2]);
    r[4 * half + 1] = _mm256_unpackhi_epi64(from[0], from[2]);
    r[4 * half + 2] = _mm256_unpacklo_epi64(from[1], from[3]);
    r[4 * half + 3] = _mm256_unpackhi_epi64(from[1], from[3]);
  }
  for (int i = 0; i < 4; i++) {
    _mm256_storeu_si256((__m256i *)(columns + i * stride),
                        _mm256_permute2x128_si256(r[i], r[4 + i], 0x20));
    _mm256_storeu_si256((__m256i *)(columns + (i + 4) * stride),
                        _mm256_permute2x128_si256(r[i], r[4 + i], 0x31));
  }
}

WIDE void cbytes_tile_measure(const int32_t *rows, size_t count, int32_t *columns, size_t stride,
                              int32_t *low_target, int32_t *high_target) {
  const __m256i least = _mm256_set1_epi32(INT32_MIN), most = _mm256_set1_epi32(INT32_MAX);
  __m256i low[3] = {most, most, most}, high[3] = {least, least, least};
  __m256i value = _mm256_loadu_si256((const __m256i *)rows), step = _mm256_setzero_si256();
  low[0] = high[0] = value;
  for (size_t index = 1; index < count; index++) {
    __m256i next = _mm256_loadu_si256((const __m256i *)(rows + 8 * index));
    __m256i change = _mm256_sub_epi32(next, value);
    low[0] = _mm256_min_epi32(low[0], next);
    high[0] = _mm256_max_epi32(high[0], next);
    low[1] = _mm256_min_epi32(low[1], change);
    high[1] = _mm256_max_epi32(high[1], change);
    if (index > 1) {
      __m256i bend = _mm256_sub_epi32(change, step);
      low[2] = _mm256_min_epi32(low[2], bend);
      high[2] = _mm256_max_epi32(high[2], bend);
    }
    value = next;
    step = change;
  }
  for (int order = 0; order < 3; order++) {
    _mm256_storeu_si256((__m256i *)(low_target + 8 * order), low[order]);
    _mm256_storeu_si256((__m256i *)(high_target + 8 * order), high[order]);
  }
  for (size_t index = 0; index < count; index += 8) transpose(rows + 8 * index, columns + index, stride);
}

WIDE void cbytes_tile_fold(const int32_t *rows, size_t count, const double *powers, double *sums,
                           int64_t *wholes, int32_t *low_target, int32_t *high_target) {
  __m256i low = _mm256_loadu_si256((const __m256i *)rows), high = low;
  __m256d power[2], inverse[2], total[2];
  __m256i whole[2];
  for (int half = 0; half < 2; half++) {
    power[half] = _mm256_loadu_pd(powers + 4 * half);
    inverse[half] = _mm256_div_pd(_mm256_set1_pd(1), power[half]);
    total[half] = _mm256_setzero_pd();
    whole[half] = _mm256_setzero_si256();
  }
  for (size_t index = 0; index < count; index++) {
    __m256i row = _mm256_loadu_si256((const __m256i *)(rows + 8 * index));
    low = _mm256_min_epi32(low, row);
    high = _mm256_max_epi32(high, row);
    __m128i parts[2] = {_mm256_castsi256_si128(row), _mm256_extracti128_si256(row, 1)};
    for (int half = 0; half < 2; half++) {
      // As in columns.c: the quotient by the inverse, and what that leaves, rounded once.
      __m256d value = _mm256_cvtepi32_pd(parts[half]);
      __m256d near = _mm256_mul_pd(value, inverse[half]);
      __m256d rest = _mm256_fnmadd_pd(near, power[half], value);
      total[half] = _mm256_add_pd(total[half], _mm256_fmadd_pd(rest, inverse[half], near));
      whole[half] = _mm256_add_epi64(whole[half], _mm256_cvtepi32_epi64(parts[half]));
    }
  }
  _mm256_storeu_si256((__m256i *)low_target, low);
  _mm256_storeu_si256((__m256i *)high_target, high);
  for (int half = 0; half < 2; half++) {
    _mm256_storeu_pd(sums + 4 * half, total[half]);
    _mm256_storeu_si256((__m256i *)(wholes + 4 * half), whole[half]);
  }
}

// Bits on their way to memory, the first in the lowest bits of the first byte.
typedef struct {
  unsigned char *place;
  uint64_t pending;
  unsigned count;
} bits;

static inline void put(bits *out, uint64_t field, unsigned width) {
  const uint64_t word = out->pending | field << out->count;
  memcpy(out->place, &word, 8);
  const unsigned total = out->count + width;
  out->place += total >> 3;
  out->pending = word >> (total & 0x38);
  out->count = total & 7;
}

// Eight fields, the words of a vector: one by one, or as pairs, or as fours of up to 14 bits each.
__attribute__((always_inline)) WIDE static inline void put_eight(bits *out, __m256i fields,
                                                                 unsigned width, int together) {
  if (together == 1) {
    uint32_t single[8];
    _mm256_storeu_si256((__m256i *)single, fields);
    for (int lane = 0; lane < 8; lane++) put(out, single[lane], width);
    return;
  }
  const __m256i low = _mm256_set1_epi64x(0xffffffff);
  const __m256i pairs = _mm256_or_si256(
      _mm256_and_si256(fields, low),
      _mm256_sll_epi64(_mm256_srli_epi64(fields, 32), _mm_cvtsi32_si128((int)width)));
  __m128i first = _mm256_castsi256_si128(pairs), second = _mm256_extracti128_si256(pairs, 1);
  if (together == 2) {
    put(out, (uint64_t)_mm_cvtsi128_si64(first), 2 * width);
    put(out, (uint64_t)_mm_extract_epi64(first, 1), 2 * width);
    put(out, (uint64_t)_mm_cvtsi128_si64(second), 2 * width);
    put(out, (uint64_t)_mm_extract_epi64(second, 1), 2 * width);
    return;
  }
  const __m128i shift = _mm_cvtsi32_si128((int)(2 * width));
  first = _mm_or_si128(first, _mm_sll_epi64(_mm_srli_si128(first, 8), shift));
  second = _mm_or_si128(second, _mm_sll_epi64(_mm_srli_si128(second, 8), shift));
  put(out, (uint64_t)_mm_cvtsi128_si64(first), 4 * width);
  put(out, (uint64_t)_mm_cvtsi128_si64(second), 4 * width);
}

// The eight residuals of `order` from `values` on; those of order 1 and 2 look one or two back.
WIDE static inline __m256i residuals(const int32_t *values, unsigned order) {
  __m256i value = _mm256_loadu_si256((const __m256i *)values);
  if (order == 0) return value;
  __m256i before = _mm256_loadu_si256((const __m256i *)(values - 1));
  if (order == 1) return _mm256_sub_epi32(value, before);
  __m256i first = _mm256_loadu_si256((const __m256i *)(values - 2));
  return _mm256_add_epi32(_mm256_sub_epi32(value, _mm256_add_epi32(before, before)), first);
}

__attribute__((always_inline)) WIDE static inline void pack(const int32_t *values, size_t count,
                                                            unsigned order, int32_t base,
                                                            unsigned width, int together,
                                                            void *target) {
  const __m256i bases = _mm256_set1_epi32(base);
  bits out = {(unsigned char *)target, 0, 0};
  size_t index = order;
  for (; index + 8 <= count; index += 8) {
    put_eight(&out, _mm256_sub_epi32(residuals(values + index, order), bases), width, together);
  }
  if (index == count) return;
  // What follows the column's end is not its own.
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  __m256i wanted = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(count - index)), lanes);
  __m256i last = _mm256_sub_epi32(residuals(values + index, order), bases);
  put_eight(&out, _mm256_and_si256(last, wanted), width, together);
}

WIDE void cbytes_tile_pack(const int32_t *values, size_t count, unsigned order, int32_t base,
                           unsigned width, void *target) {
  if (width <= 14) return pack(values, count, order, base, width, 4, target);
  if (width <= 28) return pack(values, count, order, base, width, 2, target);
  pack(values, count, order, base, width, 1, target);
}
#else
int cbytes_tile_decode(cbytes_row *rows, size_t count, size_t column, size_t lane_count,
                       int32_t *target, uint64_t *cells, uint32_t *exceptions) {
  return 0;
}

void cbytes_tile_measure(const int32_t *rows, size_t count, int32_t *columns, size_t stride,
                         int32_t *low, int32_t *high) {
  __builtin_trap();
}

void cbytes_tile_fold(const int32_t *rows, size_t count, const double *powers, double *sums,
                      int64_t *wholes, int32_t *low, int32_t *high) {
  __builtin_trap();
}

void cbytes_tile_pack(const int32_t *values, size_t count, unsigned order, int32_t base,
                      unsigned width, void *target) {
  __builtin_trap();
}
#endif
