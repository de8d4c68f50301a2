// swift-tools-version:6.2
import PackageDescription

// The floors. A module imports only from floors below; `module` refuses anything else, so that an
// upward or sideways dependency stops the build before the compiler starts.
let floors: [String: Int] = [
  "CBytes": -1, "CBuild": -1, "CZstd": 0, "CCurl": 0, "Bytes": 0, "Platform": 0,
  "Model": 1,
  "Codecs": 2, "LineProtocol": 2, "Catalog": 2, "Queue": 2, "Rollup": 2, "Ring": 2,
  "Blocks": 3,
  "Cold": 4,
  "Query": 5,
  "Engine": 6,
  "Server": 7,
  "Tool": 8,
]

/// One strict dialect for every target: warnings and unmarked unsafe code both stop the build.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableExperimentalFeature("Lifetimes"),
]

func checked(_ name: String, _ modules: [String]) -> [Target.Dependency] {
  guard let own = floors[name] else { fatalError("\(name) stands on no floor") }
  for module in modules {
    guard let below = floors[module] else { fatalError("\(module) stands on no floor") }
    guard below < own else {
      fatalError("\(name) (floor \(own)) must not import \(module) (floor \(below))")
    }
  }
  return modules.map { .byName(name: $0) }
}

func module(
  _ name: String,
  uses modules: [String],
  packages: [Target.Dependency] = []
) -> Target {
  .target(name: name, dependencies: checked(name, modules) + packages, swiftSettings: strict)
}

/// Tests may reach every floor; `TestSupport` holds what they share.
func tests(_ name: String, uses modules: [String], packages: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: name,
    dependencies: modules.map { .byName(name: $0) } + [
      "TestSupport"
    ] + packages,
    swiftSettings: strict
  )
}

let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let core: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let http1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let posix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
// Hummingbird's core alone: its router and its Foundation are not needed here.
let hummingbird: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let arguments: Target.Dependency = .product(
  name: "ArgumentParser",
  package: "swift-argument-parser"
)

// Reads the config file. Its Foundation is the price: nothing else of ours needs the whole of it.
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

/// The commit for `varve --version` and `/metrics`, when the builder names it:
/// `VARVE_BUILD_COMMIT=$(git rev-parse --short HEAD) swift build -c release`.
let commit = (Context.environment["VARVE_BUILD_COMMIT"] ?? "").filter {
  $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == ".")
}

let package = Package(
  name: "varve",
  products: [
    .executable(name: "varve", targets: ["Tool"]),
    // What Benchmarks/ measures.
    .library(
      name: "VarveStorage",
      targets: [
        "Bytes", "Platform", "Model", "Codecs", "LineProtocol", "Catalog", "Queue", "Rollup",
        "Ring",
        "Blocks", "Query",
      ]
    ),
  ],
  traits: [
    .trait(name: "S3", description: "A cold tier and exports in buckets; needs libcurl.")
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(
      url: "https://github.com/hummingbird-project/hummingbird",
      exact: "2.28.1",
      traits: []
    ),
    .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
    .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
  ],
  targets: [
    .target(name: "CBytes"),
    .target(
      name: "CBuild",
      cSettings: [.define("VARVE_BUILD_COMMIT", to: "\"\(commit)\"")]
    ),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    module("Bytes", uses: ["CBytes"]),
    module("Platform", uses: []),
    module("Model", uses: ["Bytes", "CBytes"]),
    module("Codecs", uses: ["CBytes", "Bytes", "CZstd", "Model"]),
    module("LineProtocol", uses: ["Bytes", "Model"]),
    module("Catalog", uses: ["Bytes", "Platform", "Model"]),
    module("Queue", uses: ["Bytes", "Platform", "Model"]),
    module("Rollup", uses: ["Bytes", "Model"]),
    module("Ring", uses: ["Bytes", "Platform", "Model"]),
    module("Blocks", uses: ["Bytes", "Platform", "Model", "Codecs"]),
    // Empty unless the trait S3 is on: then it needs libcurl.
    .target(
      name: "CCurl",
      cSettings: [.define("VARVE_S3", .when(traits: ["S3"]))],
      linkerSettings: [.linkedLibrary("curl", .when(traits: ["S3"]))]
    ),
    module("Cold", uses: ["Bytes", "CZstd", "CCurl", "Platform", "Model", "Codecs", "Blocks"]),
    module(
      "Query",
      uses: ["Bytes", "Platform", "Model", "Codecs", "Catalog", "Rollup", "Ring", "Blocks"]
    ),
    module(
      "Engine",
      uses: [
        "Bytes", "Platform", "Model", "Codecs", "LineProtocol", "Catalog", "Queue", "Rollup",
        "Ring", "Blocks", "Cold", "Query",
      ],
      packages: [log]
    ),
    module(
      "Server",
      uses: ["CBuild", "Bytes", "Platform", "Model", "LineProtocol", "Catalog", "Query", "Engine"],
      packages: [log, core, http1, posix, hummingbird, httpTypes]
    ),
    .executableTarget(
      name: "Tool",
      dependencies: checked(
        "Tool",
        [
          "Bytes", "Platform", "Model", "Codecs", "Catalog", "Queue", "Rollup", "Blocks", "Cold",
          "Query", "Engine", "Server",
        ]
      ) + [log, core, posix, arguments, yams],
      swiftSettings: strict
    ),
    .target(
      name: "TestSupport",
      dependencies: ["Bytes", "Platform", "Model"],
      path: "Tests/TestSupport",
      swiftSettings: strict
    ),
    // A fixed workload whose instructions Benchmarks/counts counts.
    .executableTarget(
      name: "Counts",
      dependencies: ["Platform", "Engine", "TestSupport", log],
      path: "Tests/Counts",
      swiftSettings: strict
    ),
    tests("BytesTests", uses: ["CBytes", "Bytes"]),
    tests("PlatformTests", uses: ["Bytes", "Platform"]),
    tests("ModelTests", uses: ["Bytes", "Platform", "Model"]),
    tests("CodecsTests", uses: ["CBytes", "Bytes", "Model", "Codecs"]),
    tests("LineProtocolTests", uses: ["Bytes", "Model", "LineProtocol"]),
    tests("CatalogTests", uses: ["Bytes", "Platform", "Model", "Catalog"]),
    tests("QueueTests", uses: ["Bytes", "Platform", "Model", "Queue"]),
    tests("RollupTests", uses: ["Bytes", "Model", "Rollup"]),
    tests("RingTests", uses: ["Bytes", "Platform", "Model", "Ring"]),
    tests("BlocksTests", uses: ["Bytes", "Platform", "Model", "Codecs", "Blocks"]),
    tests("ColdTests", uses: ["Bytes", "Platform", "Model", "Codecs", "Blocks", "Cold"]),
    tests(
      "QueryTests",
      uses: [
        "Bytes", "Platform", "Model", "Codecs", "Catalog", "Rollup", "Ring", "Blocks", "Query",
      ]
    ),
    tests(
      "EngineTests",
      uses: [
        "Bytes", "Platform", "Model", "Codecs", "LineProtocol", "Catalog", "Queue", "Rollup",
        "Ring", "Blocks", "Cold", "Query", "Engine",
      ],
      packages: [log]
    ),
    tests(
      "ServerTests",
      uses: ["Bytes", "Platform", "Model", "Query", "Engine", "Server"],
      packages: [log]
    ),
    tests(
      "ToolTests",
      uses: [
        "Bytes", "Platform", "Model", "Catalog", "Queue", "Blocks", "Cold", "Query", "Engine",
        "Server", "Tool",
      ],
      packages: [log, arguments]
    ),
    tests(
      "SimulationTests",
      uses: ["Bytes", "Platform", "Model", "LineProtocol", "Catalog", "Query", "Engine"],
      packages: [log]
    ),
    tests(
      "FormatTests",
      uses: [
        "Bytes", "Platform", "Model", "Codecs", "Catalog", "Queue", "Rollup", "Ring", "Blocks",
        "Cold",
      ]
    ),
    tests("TidyTests", uses: ["Platform"]),
  ]
)
