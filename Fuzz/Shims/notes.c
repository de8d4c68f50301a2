#include <stddef.h>
#include <stdint.h>

// As in cbytes.h.
#define FUZZ_CHECKSUM 0x5eedc0deu

int fuzz_is_real = 0;
uint32_t fuzz_notes[1 << 16];
size_t fuzz_note_count = 0;

void fuzz_note(uint32_t checksum) {
  if (fuzz_note_count < 1 << 16) fuzz_notes[fuzz_note_count++] = checksum;
}

void fuzz_real(int is_real) { fuzz_is_real = is_real; }

// Puts the one checksum in the place of each that was told.
size_t fuzz_mend(unsigned char *bytes, size_t count) {
  size_t mended = 0;
  for (size_t note = 0; note < fuzz_note_count; note++) {
    for (size_t index = 0; index + 4 <= count; index++) {
      uint32_t found = (uint32_t)bytes[index] | (uint32_t)bytes[index + 1] << 8
        | (uint32_t)bytes[index + 2] << 16 | (uint32_t)bytes[index + 3] << 24;
      if (found != fuzz_notes[note] || found == 0) continue;
      for (int byte = 0; byte < 4; byte++) bytes[index + byte] = FUZZ_CHECKSUM >> (8 * byte);
      mended++;
    }
  }
  fuzz_note_count = 0;
  return mended;
}
