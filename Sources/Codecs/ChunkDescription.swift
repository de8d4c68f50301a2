/// How a chunk is stored, for people: what `inspect` and benchmarks print.
public struct ChunkDescription: Hashable, Sendable, CustomStringConvertible {
  public var codec: ChunkCodec
  /// Decimals of a scaled or nearly decimal chunk.
  public var exponent: Int?
  /// Of a binary fraction.
  public var binaryExponent: Int?
  /// 0 plain, 1 differences, 2 differences of differences.
  public var order: Int?
  public var isDivided = false
  public var isEntropyCoded = false
  /// Whether the entropy coder leaves low bits alone.
  public var isCoarse = false
  /// Whether statistics stand in front of it.
  public var hasStatistics = false
  /// Their bytes, the codec byte in front of them included.
  var statisticsByteCount = 0
  /// Of a quotient.
  public var denominator: UInt64?

  /// Reads the first bytes of a chunk; `nil` when they name no codec.
  public init?(_ chunk: Span<UInt8>) {
    var reader = ChunkReader(chunk)
    do throws(ChunkError) {
      var first = try reader.byte()
      if first == ChunkCodec.statistics.rawValue {
        _ = try StatisticsCoding(&reader)
        hasStatistics = true
        statisticsByteCount = reader.position
        first = try reader.byte()
      }
      guard let codec = ChunkCodec(firstByte: first) else { return nil }
      self.codec = codec
      switch codec {
      case .scaled:
        exponent = Int(first & 0x1f)
        order = Int(first >> 5 & 3)
        if order == Int(FloatChunk.formFollows) { try readForm(&reader) }
      case .binary:
        binaryExponent = Int(try reader.byte())
        try readForm(&reader)
      case .nearlyDecimal:
        exponent = Int(try reader.byte())
        try readForm(&reader)
      case .quotient:
        denominator = try reader.varint()
        try readForm(&reader)
      case .fraction:
        _ = try reader.byte()
        try readForm(&reader)
      case .split, .magnitudes: try readForm(&reader)
      default: break
      }
    } catch {
      return nil
    }
  }

  private mutating func readForm(_ reader: inout ChunkReader) throws(ChunkError) {
    let form = try reader.byte()
    if form == IntegerStream.constantForm {
      order = 0
      return
    }
    let stream = try IntegerStream(form: form)
    order = stream.order
    isDivided = stream.divisor != 1
    isEntropyCoded = stream.isEntropyCoded
    isCoarse = stream.isCoarse
  }

  public var description: String {
    var words = ["\(codec)"]
    if let exponent, exponent > 0 { words.append("\(exponent) decimals") }
    if let binaryExponent { words.append("over 2^\(binaryExponent)") }
    if let denominator { words.append("over \(denominator)") }
    switch order {
    case 1: words.append("differences")
    case 2: words.append("second differences")
    default: break
    }
    if isDivided { words.append("common divisor") }
    if isEntropyCoded { words.append(isCoarse ? "coarsely entropy-coded" : "entropy-coded") }
    return words.joined(separator: ", ")
  }
}
