// What ThreadSanitizer must know of `Mutex` of Swift's Synchronization on Linux. The uncontended
// way of it is atomics that are compiled into our modules, which the sanitizer sees. When two
// threads meet, the lock is handed over by the kernel (FUTEX_LOCK_PI) inside of the library, which
// is not instrumented, and everything that a mutex guards looks like a race. So the three functions
// of that way are these here, which tell of the hand-over and go on into the library.
// Put into the build by .ci/sanitize; part of nothing else.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

void __tsan_acquire(void *address);
void __tsan_release(void *address);

typedef SWIFT void (*Lock)(uint32_t thread, SELF void *mutex);
typedef SWIFT bool (*TryLock)(SELF void *mutex);
typedef SWIFT void (*Unlock)(SELF void *mutex);

SWIFT void varve_tsan_lock(uint32_t thread, SELF void *mutex) __asm__(LOCK);
SWIFT bool varve_tsan_try_lock(SELF void *mutex) __asm__(TRY_LOCK);
SWIFT void varve_tsan_unlock(SELF void *mutex) __asm__(UNLOCK);

static Lock lock;
static TryLock tryLock;
static Unlock unlock;

__attribute__((constructor)) static void find(void) {
  lock = (Lock)dlsym(RTLD_NEXT, LOCK);
  tryLock = (TryLock)dlsym(RTLD_NEXT, TRY_LOCK);
  unlock = (Unlock)dlsym(RTLD_NEXT, UNLOCK);
}

SWIFT void varve_tsan_lock(uint32_t thread, SELF void *mutex) {
  lock(thread, mutex);
  __tsan_acquire(mutex);
}

SWIFT bool varve_tsan_try_lock(SELF void *mutex) {
  bool isLocked = tryLock(mutex);
  if (isLocked) __tsan_acquire(mutex);
  return isLocked;
}

SWIFT void varve_tsan_unlock(SELF void *mutex) {
  __tsan_release(mutex);
  unlock(mutex);
}
#endif
