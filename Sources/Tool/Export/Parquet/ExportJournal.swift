internal import Platform

/// The days that an unfinished export has done: what a later run skips. A line a day, behind a line
/// that says what was asked and one that says what had left the directory before the run; gone when
/// the manifest stands.
struct ExportJournal: ~Copyable {
  static let name = "_progress.jsonl"
  private static let byteCountMax = 1 << 30

  private let file: any AppendFile

  /// Begins a journal that knows `days`, in place of one that is there.
  init(
    _ disk: any Disk,
    _ directory: String,
    selection: JSONValue,
    removals: [String: ExportRemovals],
    days: [ExportManifest.Day]
  ) throws(SystemError) {
    let path = Path.join(directory, Self.name)
    var text = selection.text + "\n" + ExportManifest.json(removals).text + "\n"
    for day in days { text += ExportManifest.json(day).text + "\n" }
    try disk.replace(path, with: Array(text.utf8))
    file = try disk.append(to: path)
  }

  borrowing func add(_ day: ExportManifest.Day) throws(SystemError) {
    try file.append(Array((ExportManifest.json(day).text + "\n").utf8))
    try file.sync()
  }

  consuming func remove(_ disk: any Disk, _ directory: String) throws(SystemError) {
    file.close()
    try disk.remove(Path.join(directory, Self.name))
    try disk.syncDirectory(directory)
  }

  /// What a journal says; a torn last line says nothing.
  static func load(
    _ disk: any Disk,
    _ directory: String
  ) throws(SystemError) -> Contents? {
    let path = Path.join(directory, name)
    guard try disk.byteCount(of: path) != nil else { return nil }
    let bytes = try disk.read(path, byteCountMax: byteCountMax)
    var lines = bytes.split(separator: UInt8(ascii: "\n")).map {
      try? JSONParser.parse(Array($0))
    }
    guard let first = lines.first, let selection = first else { return nil }
    lines.removeFirst()
    var contents = Contents(selection: selection, days: [])
    for line in lines.compactMap({ $0 }) {
      if let day = ExportManifest.day(line) {
        contents.days.append(day)
      } else if let removals = ExportManifest.removals(line) {
        contents.removals = removals
      }
    }
    return contents
  }

  struct Contents {
    var selection: JSONValue
    var removals: [String: ExportRemovals] = [:]
    var days: [ExportManifest.Day]
  }
}
