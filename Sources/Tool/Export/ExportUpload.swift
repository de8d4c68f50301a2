package import Cold
package import Platform

/// Brings a finished export from the folder where it was made into a store.
///
/// The manifest there goes first and comes last, so that what is half brought over never looks like
/// an export. What an interrupted run has stored is noted beside the files and not stored again.
package struct ExportUpload {
  package struct Summary: Sendable {
    package var fileCount = 0
    package var byteCount = 0
    /// Files that were there already.
    package var keptFileCount = 0
  }

  package struct Fault: Error {
    package var message: String
    /// Whether the store has refused to tell what is there.
    package var isRefusal = false
  }

  /// The manifest that the store had before an upload began, beside the files until it ends.
  package static let earlierName = "_earlier.json"

  private let disk: any Disk
  private let directory: String
  private let store: any ObjectStore
  private let overwrites: Bool

  /// - Parameters:
  ///   - directory: of the export, whose manifest stands.
  ///   - overwrites: whether another export that is there is replaced.
  package init(
    disk: any Disk,
    directory: String,
    store: any ObjectStore,
    overwrites: Bool = false
  ) {
    self.disk = disk
    self.directory = directory
    self.store = store
    self.overwrites = overwrites
  }

  /// - Throws: `ObjectError`, `SystemError`, ``Fault``; run again it goes on.
  package func run(progress: (_ done: Int, _ total: Int) -> Void = { _, _ in }) throws -> Summary {
    guard let manifest = try load(disk, directory) else {
      throw Fault(message: "\(directory) has no manifest: the export was not finished")
    }
    let journal = try UploadJournal(disk, directory, store: store)
    try clearTheWay(for: manifest, journal)
    var summary = Summary()
    let total = manifest.files.reduce(0) { $0 + $1.byteCount }
    for file in manifest.files {
      progress(summary.byteCount, total)
      summary.fileCount += 1
      summary.byteCount += file.byteCount
      let isHere = try disk.byteCount(of: Path.join(directory, file.path)) != nil
      if !isHere || journal.isStored(file),
        try store.byteCount(of: file.path) == file.byteCount
      {
        summary.keptFileCount += 1
        continue
      }
      guard isHere else {
        throw Fault(
          message: "\(store.path(of: file.path)) is gone, which an earlier export has put there "
            + "and the data directory has less of now; --prune exports what is left"
        )
      }
      try store.put(file.path, try disk.open(Path.join(directory, file.path)))
      try journal.noteStored(file)
    }
    let names = Set(manifest.files.map(\.path))
    for path in journal.stale where !names.contains(path) { try store.delete(path) }
    try store.put(ExportManifest.name, try disk.open(Path.join(directory, ExportManifest.name)))
    let noted = Path.join(directory, Self.earlierName)
    if try disk.byteCount(of: noted) != nil { try disk.remove(noted) }
    progress(total, total)
    return summary
  }

  private func load(_ disk: any Disk, _ directory: String) throws -> ExportManifest? {
    do throws(ExportManifest.Fault) {
      return try ExportManifest.load(disk, directory)
    } catch {
      throw Fault(message: error.message, isRefusal: error.isRefusal)
    }
  }

  /// Looks at what is there, and takes its manifest away.
  private func clearTheWay(for manifest: ExportManifest, _ journal: UploadJournal) throws {
    let there: ExportManifest?
    do {
      there = try load(StoreDisk(store), ".")
    } catch let fault as Fault {
      guard !fault.isRefusal else {
        throw Fault(message: "\(fault.message); run it again to go on (\(directory) is kept)")
      }
      guard overwrites else { throw Fault(message: "\(fault.message); --overwrite replaces it") }
      there = nil
    }
    if let there, there.selection.text != manifest.selection.text, !overwrites {
      throw Fault(
        message: "\(store.location) holds another export (\(there.selection.text)); choose another "
          + "--out, or --overwrite to replace it"
      )
    }
    if there == nil, journal.isNew, !overwrites,
      let stranger = try store.list("measurement=").first
    {
      throw Fault(
        message: "\(store.path(of: stranger.key)) is there without a manifest; choose another "
          + "--out, or --overwrite to write beside it"
      )
    }
    if let there {
      // Days of it may lie nowhere else: the next run must know of them when this one fails.
      try disk.replace(Path.join(directory, Self.earlierName), with: Array(there.json.text.utf8))
      try journal.noteStale(there.files.map(\.path))
    }
    if try store.byteCount(of: ExportManifest.name) != nil {
      try store.delete(ExportManifest.name)
    }
  }
}

/// What a run has stored and what it will remove, for the next one: a line each.
private final class UploadJournal {
  private static let byteCountMax = 256 << 20

  private let file: any AppendFile
  private let store: any ObjectStore
  private var stored: Set<Substring> = []
  private(set) var stale: [String] = []
  /// Whether no run was here before.
  let isNew: Bool

  init(_ disk: any Disk, _ directory: String, store: any ObjectStore) throws(SystemError) {
    let path = Path.join(directory, "_uploaded.txt")
    isNew = try disk.byteCount(of: path) == nil
    self.store = store
    var wholeByteCount = 0
    if !isNew {
      var bytes = try disk.read(path, byteCountMax: Self.byteCountMax)
      // Of a line that a crash has torn the rest would be the name of something else.
      wholeByteCount = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
      bytes.removeLast(bytes.count - wholeByteCount)
      for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
        if line.hasPrefix("stale ") {
          stale.append(String(line.dropFirst(6)))
        } else {
          stored.insert(line)
        }
      }
    }
    file = try disk.append(to: path)
    if file.byteCount > wholeByteCount { try file.truncate(to: wholeByteCount) }
    try disk.syncDirectory(directory)
  }

  deinit { file.close() }

  private func line(_ file: ExportManifest.File) -> String {
    "\(file.digest) \(store.path(of: file.path))"
  }

  func isStored(_ file: ExportManifest.File) -> Bool { stored.contains(line(file)[...]) }

  func noteStored(_ file: ExportManifest.File) throws(SystemError) { try note(line(file)) }

  func noteStale(_ paths: [String]) throws(SystemError) {
    stale += paths
    guard !paths.isEmpty else { return }
    try note(paths.map { "stale \($0)" }.joined(separator: "\n"))
  }

  private func note(_ text: String) throws(SystemError) {
    try file.append(Array((text + "\n").utf8))
    try file.sync()
  }
}
