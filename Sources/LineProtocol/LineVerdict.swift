public import Model

/// One refused line.
public struct LineVerdict: Equatable, Sendable {
  /// The row's first physical line, counted from 1 in line feeds of the connection.
  public var line: UInt64
  /// The first byte that cannot stand there, from 1: the value's first byte of a bad value or a
  /// type conflict, the line's length plus one when something is missing at its end.
  public var column: Int
  public var reason: RefusalReason
  /// What was expected and found, one line.
  public var message: String
  /// The line's first bytes, at most ``textByteCountMax``.
  public var text: [UInt8]

  public static let textByteCountMax = 4_096

  public init(
    line: UInt64,
    column: Int,
    reason: RefusalReason,
    message: String,
    text: [UInt8]
  ) {
    self.line = line
    self.column = column
    self.reason = reason
    self.message = message
    self.text = text
  }
}
