import Glibc

/// What is fuzzed: one target a process, named by `FUZZ_TARGET`.
///
/// A target gets any bytes. It must not trap, read out of bounds, or take longer or more memory
/// than `Fuzz/run` allows; some compare what they get with another way to it.
enum Target: String, CaseIterable {
  case line
  case json
  case segment
  case block
  case chunk
  case ring
  case manifest
  case catalog
  case http
  case gzip
  case rows

  func run(_ bytes: [UInt8]) {
    switch self {
    case .line: fuzzLines(bytes)
    case .json: fuzzPoints(bytes)
    case .segment: fuzzSegment(bytes)
    case .block: fuzzBlock(bytes)
    case .chunk: fuzzChunk(bytes)
    case .ring: fuzzRing(bytes)
    case .manifest: fuzzManifest(bytes)
    case .catalog: fuzzCatalog(bytes)
    case .http: fuzzParameters(bytes)
    case .gzip: fuzzGzip(bytes)
    case .rows: fuzzRows(bytes)
    }
  }

  static let chosen: Target = {
    let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = Target(rawValue: name) else {
      finding("FUZZ_TARGET is one of \(allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return target
  }()
}

/// Ends the process with what was found; libFuzzer keeps the input.
func finding(_ text: String) -> Never {
  let line = Array("FINDING: \(text)\n".utf8)
  _ = write(2, line, line.count)
  abort()
}

@_cdecl("LLVMFuzzerTestOneInput")
public func test(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  if getenv("FUZZ_SEEDS") != nil {
    do { try writeSeeds() } catch { finding("\(error)") }
    _exit(0)
  }
  Target.chosen.run(Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}
