# Tests left out by ./test --quick (each takes more than a few seconds under sanitizers).
set(merx_slow_tests
  learn.kmeans_family
  learn.kmeans_twin
  learn.additive
  learn.families
  learn.logistic_rows
  learn.nearest
  contract.models
  contract.models_bits
  contract.models_inspect
  learn.network_parity
  learn.panel
  contract.models_stream
  learn.stream_fit
  learn.table_reader
  media.decoder
  media.pictures
  media.video
  python.install
  python.package
  store.postgres
  store.postgres_crash
  store.sqlite
  e2e.clients
  e2e.console
  e2e.console_running
  e2e.console_shop
  e2e.deploy
  e2e.serve
  e2e.serve_faults
  e2e.serve_fuzz
  e2e.serve_things
  shop.classify
  shop.crash
  shop.import
  shop.import_pictures
  shop.view
)
# Tests of concurrent code: ./test also runs these under ThreadSanitizer.
set(merx_threads_tests
  base.pool
  contract.models_bits
  contract.models_stream
  learn.factor
  learn.kmeans
  learn.network
  learn.nearest
  learn.table_reader
  numeric.dense
  numeric.matrix
  server.api_keys
  server.work_queue
  shop.view
  shop.next_top
)
# Tests of the optimised program (real data at full size, time or memory limits): not built with the sanitizers; ./test runs
# them in the release build.
set(merx_release_tests
  e2e.console_shop
  e2e.retail_answers
  e2e.retail_forecast
  e2e.retail_import
  python.install
)
# Seconds of the tests that take longest, roughly: CTest starts these first, so that none of them is what the end waits for. With the prefix of a build where
# only that build's takes so long.
set(merx_test_costs
  python.package 160
  contract.models 170
  e2e.serve_jobs 120
  tsan:contract.models_bits 85
  tsan:learn.table_reader 60
  tsan:learn.nearest 70
  tsan:contract.models_stream 55
  release:e2e.console_shop 85
  e2e.console 80
  e2e.console_running 55
  e2e.sample_shop 60
  shop.classify 65
  kernels.tensors_products 40
  contract.models_inspect 40
  release:python.install 35
  e2e.serve_faults 35
  learn.network_head 30
  release:e2e.retail_answers 30
  e2e.serve_things 30
  learn.nearest 25
  shop.import_pictures 25
  contract.models_bits 25
)
