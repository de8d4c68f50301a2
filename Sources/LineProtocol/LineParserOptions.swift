public import Model

/// Bounds of a ``LineParser``; each is a limit on memory, not a target.
public struct LineParserOptions: Sendable {
  /// Bytes of the longest line, its line end not among them: 1 KiB ... 8 MiB.
  public var lineByteCountMax: Int
  /// Bytes of the table of series keys. When it is full, all is forgotten and learned anew.
  public var keyByteCountMax: Int
  /// Bytes of the table of field names, forgotten together with the keys.
  public var shapeByteCountMax: Int
  /// Refused lines that a session keeps for its owner between two calls; more are only counted.
  public var verdictsMax: Int
  /// Bytes of refused lines kept beside the verdicts of a session.
  public var verdictByteCountMax: Int
  /// Bytes of unended lines over all sessions. While there are more, a line is too long when it has
  /// not ended within ``shortLineByteCount``.
  public var carriedByteCountMax: Int
  /// Keys the hash tables, so that no client can choose colliding names.
  public var hashSeed: UInt64

  public init(
    lineByteCountMax: Int = Limits.lineByteCountDefault,
    keyByteCountMax: Int = 256 << 20,
    shapeByteCountMax: Int = 64 << 20,
    verdictsMax: Int = 1_000,
    verdictByteCountMax: Int = 1 << 20,
    carriedByteCountMax: Int = 32 << 20,
    hashSeed: UInt64 = .random(in: .min ... .max)
  ) {
    self.lineByteCountMax = lineByteCountMax
    self.keyByteCountMax = keyByteCountMax
    self.shapeByteCountMax = shapeByteCountMax
    self.verdictsMax = verdictsMax
    self.verdictByteCountMax = verdictByteCountMax
    self.carriedByteCountMax = carriedByteCountMax
    self.hashSeed = hashSeed
  }

  /// Bytes that a line may always have before it ends.
  public static let shortLineByteCount = 64 << 10
}
