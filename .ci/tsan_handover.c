// What ThreadSanitizer must know of `Mutex` of Swift's Synchronization on Linux, and of tasks. The uncontended
// way of it is atomics that are compiled into our modules, which the sanitizer sees. When two
// threads meet, the lock is handed over by the kernel (FUTEX_LOCK_PI) inside of the library, which
// is not instrumented, and everything that a mutex guards looks like a race. So the three functions
// of that way are these here, which tell of the hand-over and go on into the library.
//
// Tasks are the other half: where one is handed to another thread, and where it goes on there, the
// library for tasks has hooks for the sanitizer, but nobody on Linux sets them. One is missing: for
// a continuation that was resumed before anybody waited for it.
//
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

extern bool _swift_tsan_enabled;
extern void (*_swift_tsan_acquire)(void *address);
extern void (*_swift_tsan_release)(void *address);

typedef SWIFT void (*Lock)(uint32_t thread, SELF void *mutex);
typedef SWIFT bool (*TryLock)(SELF void *mutex);
typedef SWIFT void (*Unlock)(SELF void *mutex);

SWIFT void varve_tsan_lock(uint32_t thread, SELF void *mutex) __asm__(LOCK);
SWIFT bool varve_tsan_try_lock(SELF void *mutex) __asm__(TRY_LOCK);
SWIFT void varve_tsan_unlock(SELF void *mutex) __asm__(UNLOCK);

typedef __attribute__((swiftasynccall)) void (*Await)(void *context);
SWIFT void *swift_task_getCurrent(void);

static Await await;
static void (*enter)(char *state);
static Lock lock;
static TryLock tryLock;
static Unlock unlock;

__attribute__((constructor)) static void find(void) {
  lock = (Lock)dlsym(RTLD_NEXT, LOCK);
  tryLock = (TryLock)dlsym(RTLD_NEXT, TRY_LOCK);
  unlock = (Unlock)dlsym(RTLD_NEXT, UNLOCK);
  await = (Await)dlsym(RTLD_NEXT, "swift_continuation_await");
  enter = (void (*)(char *))dlsym(RTLD_NEXT, "swift_task_enterThreadLocalContext");
  _swift_tsan_acquire = __tsan_acquire;
  _swift_tsan_release = __tsan_release;
  _swift_tsan_enabled = true;
}

__attribute__((swiftasynccall)) void swift_continuation_await(void *context) {
  __tsan_acquire(swift_task_getCurrent());
  __attribute__((musttail)) return await(context);
}

// What it calls when the two come at the same moment.
void swift_task_enterThreadLocalContext(char *state) {
  __tsan_acquire(swift_task_getCurrent());
  enter(state);
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
