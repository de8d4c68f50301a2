// swift-tools-version:6.2
import PackageDescription

// A package of its own, so that whoever builds Varve does not build what measures it.
let package = Package(
  name: "varve-benchmarks",
  dependencies: [
    .package(name: "varve", path: ".."),
    .package(url: "https://github.com/ordo-one/benchmark", exact: "1.38.1", traits: []),
  ],
  targets: [
    .target(
      name: "ColumnData",
      dependencies: [.product(name: "VarveStorage", package: "varve")]
    ),
    .executableTarget(
      name: "CodecReport",
      dependencies: ["ColumnData", .product(name: "VarveStorage", package: "varve")]
    ),
    .executableTarget(
      name: "Codecs-Benchmarks",
      dependencies: [
        "ColumnData",
        .product(name: "VarveStorage", package: "varve"),
        .product(name: "Benchmark", package: "benchmark"),
      ],
      path: "Benchmarks/Codecs",
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]
    ),
    .executableTarget(
      name: "Parts-Benchmarks",
      dependencies: [
        "ColumnData",
        .product(name: "VarveStorage", package: "varve"),
        .product(name: "Benchmark", package: "benchmark"),
      ],
      path: "Benchmarks/Parts",
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]
    ),
  ]
)
