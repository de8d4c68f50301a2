package import Platform

/// Where an export's bytes go: standard output, or files that get their names when they are whole.
package protocol ExportTarget {
  /// Begins the part of a measurement.
  mutating func begin(_ measurement: [UInt8]) throws(SystemError)
  mutating func write(_ bytes: [UInt8]) throws(SystemError)
  /// Ends the part that was begun.
  mutating func end() throws(SystemError)
}

/// Everything one after another; what a format calls a table stands apart by an empty line.
struct StreamTarget: ExportTarget {
  private let separator: [UInt8]
  private var isFirst = true

  init(separator: [UInt8]) { self.separator = separator }

  mutating func begin(_ measurement: [UInt8]) throws(SystemError) {
    if !isFirst { try StandardOutput.write(bytes: separator) }
    isFirst = false
  }

  mutating func write(_ bytes: [UInt8]) throws(SystemError) {
    try StandardOutput.write(bytes: bytes)
  }

  mutating func end() throws(SystemError) {}
}

/// A file a measurement, written beside its name and renamed when it is synced.
package struct FolderTarget: ExportTarget {
  private let disk: any Disk
  private let directory: String
  private let suffix: String
  private var file: (any AppendFile)?
  private var path = ""
  /// The names that were given, in order.
  package private(set) var paths: [String] = []

  package init(disk: any Disk, directory: String, suffix: String) throws(SystemError) {
    self.disk = disk
    self.directory = directory
    self.suffix = suffix
    try disk.createDirectory(directory)
  }

  private var temporary: String { path + ".tmp" }

  package mutating func begin(_ measurement: [UInt8]) throws(SystemError) {
    path = Path.join(directory, Self.fileName(measurement) + suffix)
    let file = try disk.append(to: temporary)
    if file.byteCount > 0 { try file.truncate(to: 0) }
    self.file = file
  }

  package mutating func write(_ bytes: [UInt8]) throws(SystemError) { try file?.append(bytes) }

  package mutating func end() throws(SystemError) {
    guard let file else { return }
    try file.sync()
    file.close()
    self.file = nil
    try disk.rename(temporary, to: path)
    try disk.syncDirectory(directory)
    paths.append(path)
  }

  /// Takes away what was begun and not ended.
  package mutating func abandon() {
    guard let file else { return }
    file.close()
    self.file = nil
    try? disk.remove(temporary)
  }

  /// A measurement's name as a file's: letters, digits, `-`, `_` and inner points stand, all else
  /// is `%XX`. Very long names are cut and end with a hash of the whole.
  package static func fileName(_ measurement: [UInt8]) -> String {
    var result = ""
    for (index, byte) in measurement.enumerated() {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      case UInt8(ascii: ".") where index > 0: result += "."
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        result += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    guard result.count > 200 else { return result }
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in measurement { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return result.prefix(180) + "~" + String(hash, radix: 16)
  }
}
