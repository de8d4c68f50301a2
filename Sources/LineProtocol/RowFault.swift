internal import Model

/// Why a row is refused, before anybody is told.
struct RowFault: Error {
  /// Offset of the first byte that cannot stand there, from the row's first byte; the row's length
  /// when something is missing at its end.
  var offset: Int
  var reason: RefusalReason
  var message: String
  /// Whose line it is, once that is known.
  var measurement: MeasurementID?

  init(_ offset: Int, _ reason: RefusalReason, _ message: String) {
    self.offset = offset
    self.reason = reason
    self.message = message
  }

  /// A byte as messages show it.
  static func name(of byte: UInt8) -> String {
    switch byte {
    case 0x20: "a space"
    case 0x21..<0x7f: "'\(Character(Unicode.Scalar(byte)))'"
    default: "byte 0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
  }

  /// Bytes of a line as messages show them: short, and without anything that could end a reply.
  static func excerpt(_ bytes: UnsafeRawBufferPointer) -> String {
    let shown = unsafe UnsafeRawBufferPointer(rebasing: bytes.prefix(excerptByteCountMax))
    let text = unsafe String(decoding: shown, as: UTF8.self).unicodeScalars.map { scalar in
      scalar.properties.generalCategory == .control ? "?" : String(scalar)
    }
    return "'" + text.joined() + (shown.count < bytes.count ? "...'" : "'")
  }

  private static let excerptByteCountMax = 64
}
