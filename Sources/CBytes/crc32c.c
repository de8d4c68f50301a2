#include "cbytes.h"

// The portable form for processors without a CRC32C instruction: one table, a byte at a time.
uint32_t cbytes_crc32c_table(uint32_t crc, const unsigned char *bytes, size_t count) {
  static uint32_t table[256];
  static int ready = 0;
  if (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE)) {
    for (uint32_t index = 0; index < 256; index++) {
      uint32_t value = index;
      for (int bit = 0; bit < 8; bit++) {
        value = (value >> 1) ^ ((value & 1) ? 0x82f63b78u : 0);
      }
      __atomic_store_n(&table[index], value, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&ready, 1, __ATOMIC_RELEASE);
  }
  uint32_t state = ~crc;
  for (size_t index = 0; index < count; index++) {
    state = (state >> 8) ^ __atomic_load_n(&table[(state ^ bytes[index]) & 0xff], __ATOMIC_RELAXED);
  }
  return ~state;
}
