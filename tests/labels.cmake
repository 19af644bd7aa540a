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
  python.package
  store.postgres
  store.postgres_crash
  store.sqlite
  shop.classify
  shop.crash
  shop.import
  shop.import_pictures
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
)
# Tests of the optimised program (real data at full size, time or memory limits): not built with the sanitizers; ./test runs
# them in the release build.
set(merx_release_tests
  e2e.retail_answers
  e2e.retail_forecast
  e2e.retail_import
)
