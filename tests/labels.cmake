# Tests left out by ./test --quick (each takes more than a few seconds under sanitizers).
set(merx_slow_tests
)
# Tests of concurrent code: ./test also runs these under ThreadSanitizer.
set(merx_threads_tests
  base.pool
)
