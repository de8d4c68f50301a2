internal import Bytes
internal import Cold
internal import Platform

/// A file of an export while it is written: beside its name, which it gets when it is whole.
final class ParquetPart: ByteSink {
  /// A file that has so many bytes takes no further row group.
  static let byteCountMax = 1 << 30

  private static let unfinishedSuffix = ".tmp"

  /// Whether a file is one that a run has not ended. Readers of folders leave names out that begin
  /// so.
  static func isUnfinished(_ name: String) -> Bool {
    name.hasPrefix("_part-") && name.hasSuffix(".parquet" + unfinishedSuffix)
  }

  /// From the export's folder.
  let path: String
  private let disk: any Disk
  private let finalPath: String
  private let temporary: String
  private let file: any AppendFile
  private var hash = SHA256()
  private(set) var byteCount = 0

  init(disk: any Disk, root: String, folder: String, number: Int) throws(SystemError) {
    let digits = "\(number)"
    let name =
      "part-" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".parquet"
    self.disk = disk
    path = Path.join(folder, name)
    let directory = Path.join(root, folder)
    finalPath = Path.join(directory, name)
    temporary = Path.join(directory, "_" + name + Self.unfinishedSuffix)
    try disk.createDirectory(directory)
    file = try disk.append(to: temporary)
    if file.byteCount > 0 { try file.truncate(to: 0) }
  }

  func write(_ bytes: [UInt8]) throws(SystemError) {
    try file.append(bytes)
    hash.update(bytes)
    byteCount += bytes.count
  }

  /// Ends the file, which has no name of its own yet.
  ///
  /// - Returns: the digest of its bytes, in hexadecimal.
  func finish() throws(SystemError) -> String {
    try file.sync()
    file.close()
    return Self.hex(hash.finish())
  }

  /// Gives the finished file its name.
  func commit() throws(SystemError) {
    try disk.rename(temporary, to: finalPath)
    try disk.syncDirectory(Path.directory(of: finalPath))
  }

  /// Takes the file away; best effort, the next run begins it again.
  func abandon() {
    file.close()
    try? disk.remove(temporary)
  }

  static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// The digest of a file, in hexadecimal.
  static func digest(of path: String, disk: any Disk) throws(SystemError) -> String {
    let file = try disk.open(path)
    var hash = SHA256()
    var position = 0
    while position < file.byteCount {
      let bytes = try file.read(at: position, count: 1 << 20)
      if bytes.isEmpty { break }
      hash.update(bytes)
      position += bytes.count
    }
    return hex(hash.finish())
  }
}
