// Tiles: up to eight columns of encoded rows at once (tile.c).
#pragma once

#include <stddef.h>
#include <stdint.h>

// Where the next values of a row's payload lie. 32 bytes behind `end` may be read.
typedef struct {
  const void *_Nonnull control;
  const void *_Nonnull data;
  const void *_Nonnull end;
  uint64_t is_damaged;
} cbytes_row;

// Decodes `lane_count` (1 to 8) columns from `column`, a multiple of eight, on: `target` gets eight
// integers a row, and each row's `data` moves on. A cell that is no such integer is INT32_MIN there
// and stands in `cells`, at lane * count + row; `exceptions` has the bits of such lanes. Of a
// damaged row what does not decode is 0. Returns 0 and has done nothing without wide instructions.
int cbytes_tile_decode(cbytes_row *_Nonnull rows, size_t count, size_t column, size_t lane_count,
                       int32_t *_Nonnull target, uint64_t *_Nonnull cells,
                       uint32_t *_Nonnull exceptions);

// The rest of the tile's functions are for integers that cbytes_tile_decode gave.

// Measures the columns of 1 or more rows and puts them one behind the other, `stride` apart. What
// lies between a column's end and the next multiple of eight is written too, and the rows behind
// the last one, up to a multiple of eight, are read.
//
// `low` and `high` get the least and greatest of the values of eight lanes, then of their
// differences, then of the differences of those, modulo 2^32; of columns too short for them
// INT32_MAX and INT32_MIN.
void cbytes_tile_measure(const int32_t *_Nonnull rows, size_t count, int32_t *_Nonnull columns,
                         size_t stride, int32_t *_Nonnull low, int32_t *_Nonnull high);

// Folds 1 or more rows: for each of eight lanes the sum of the quotients by a power of ten up to
// 10^15, in the order of the rows, the sum of the integers, the least and the greatest of them.
void cbytes_tile_fold(const int32_t *_Nonnull rows, size_t count, const double *_Nonnull powers,
                      double *_Nonnull sums, int64_t *_Nonnull wholes, int32_t *_Nonnull low,
                      int32_t *_Nonnull high);

// Packs the residuals of a column less `base`, each of `width` bits (1 to 32), from `order` (0, 1
// or 2) on. Eight values behind the column's end may be read; up to 64 bytes more than the fields
// take are written.
void cbytes_tile_pack(const int32_t *_Nonnull values, size_t count, unsigned order, int32_t base,
                      unsigned width, void *_Nonnull target);
