#include "cbytes.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif

#if defined(HAS_SANITIZER)
void __asan_poison_memory_region(const volatile void *address, size_t count);
void __asan_unpoison_memory_region(const volatile void *address, size_t count);

void cbytes_rest(const void *address, size_t count) { __asan_poison_memory_region(address, count); }
void cbytes_wake(const void *address, size_t count) {
  __asan_unpoison_memory_region(address, count);
}
#else
void cbytes_rest(const void *address, size_t count) {}
void cbytes_wake(const void *address, size_t count) {}
#endif
