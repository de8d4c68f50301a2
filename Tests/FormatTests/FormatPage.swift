import Platform
import TestSupport

/// A page of docs/format/, whose worked examples must be what the code writes.
struct FormatPage {
  let text: String

  init(_ name: String) throws(SystemError) {
    let path = "\(Fixtures.repository)/docs/format/\(name)"
    text = String(decoding: try RealDisk().read(path, byteCountMax: 1 << 20), as: UTF8.self)
  }

  /// Whether the page shows `bytes`: rows of up to 16 in hexadecimal, with the offset before them.
  func shows(_ bytes: [UInt8]) -> Bool {
    Self.rows(bytes).allSatisfy { text.contains($0) }
  }

  static func rows(_ bytes: [UInt8]) -> [String] {
    stride(from: 0, to: bytes.count, by: 16).map { start in
      let row = bytes[start..<min(start + 16, bytes.count)].map { Hex.text([$0]) }
      let offset = String(start, radix: 16)
      return String(repeating: "0", count: 4 - offset.count) + offset + "  "
        + row.joined(separator: " ")
    }
  }
}
