package import Engine
internal import Model
package import Platform

/// What an export directory says of itself: what was asked, what it was made of, its files with
/// their digests (docs/format/parquet.md, "manifest").
package struct ExportManifest: Sendable {
  package struct File: Sendable, Hashable {
    /// From the export's folder.
    package var path: String
    package var byteCount: Int
    package var rowCount: Int
    package var pointCount: Int
    /// SHA-256, in hexadecimal.
    package var digest: String

    package init(path: String, byteCount: Int, rowCount: Int, pointCount: Int, digest: String) {
      self.path = path
      self.byteCount = byteCount
      self.rowCount = rowCount
      self.pointCount = pointCount
      self.digest = digest
    }
  }

  /// The files of one measurement and day.
  package struct Day: Sendable, Hashable {
    package var folder: String
    /// A digest of where the rows came from: as long as it is the same, so are the files. Empty
    /// when something was left out.
    package var inputs: String
    package var files: [File]
    /// Whether a row's time is no whole number of microseconds.
    package var needsNanoseconds: Bool
    /// Points of each of its hours; empty in exports of earlier versions.
    package var hours: [Int] = []
    /// Whether it has rows that have left the directory since.
    package var isKept = false
    /// Whether another export wrote it: its files are known only to be removed. In journals alone.
    package var isForeign = false

    /// Of a day without points.
    package static let noHours = [Int](repeating: 0, count: 24)

    /// The hour of its day that a time lies in.
    static func hour(of time: Timestamp) -> Int {
      let day = 24 * Nanoseconds.perHour
      let inDay = time % day
      return Int((inDay < 0 ? inDay + day : inDay) / Nanoseconds.perHour)
    }

    /// Whether some hour has more points than `hours` say.
    func hasMore(than hours: [Int]) -> Bool {
      guard self.hours.count == hours.count else { return pointCount > hours.reduce(0, +) }
      return zip(self.hours, hours).contains { $0 > $1 }
    }

    package init(folder: String, inputs: String, files: [File], needsNanoseconds: Bool = false) {
      self.folder = folder
      self.inputs = inputs
      self.files = files
      self.needsNanoseconds = needsNanoseconds
    }

    package var pointCount: Int { files.reduce(0) { $0 + $1.pointCount } }
  }

  package struct Partition: Sendable, Hashable {
    package var index: Int
    package var ranges: [DirectorySnapshot.OffsetRange]

    /// Whether the ranges lie one behind another without gaps.
    package var tiles: Bool {
      var end: UInt64 = 0
      for range in ranges {
        guard range.start == end, range.end > range.start else { return false }
        end = range.end
      }
      return true
    }
  }

  package static let name = "_manifest.json"
  private static let format = "varve export"
  private static let version: Int64 = 1
  private static let byteCountMax = 1 << 30

  /// What was asked, as it is compared with the next run's.
  package var selection: JSONValue
  package var partitions: [Partition]
  package var days: [Day]
  /// Points that had left the directory, by the folder of their measurement.
  package var removals: [String: ExportRemovals]

  package init(
    selection: JSONValue,
    partitions: [Partition],
    days: [Day],
    removals: [String: ExportRemovals] = [:]
  ) {
    self.selection = selection
    self.partitions = partitions
    self.days = days
    self.removals = removals
  }

  package var files: [File] { days.flatMap(\.files) }

  // MARK: JSON

  package var json: JSONValue {
    .object([
      (key: "format", value: .string(Self.format)),
      (key: "version", value: .integer(Self.version)),
      (key: "selection", value: selection),
      (key: "rows", value: .integer(Int64(files.reduce(0) { $0 + $1.rowCount }))),
      (key: "points", value: .integer(Int64(files.reduce(0) { $0 + $1.pointCount }))),
      (key: "bytes", value: .integer(Int64(files.reduce(0) { $0 + $1.byteCount }))),
      (key: "source", value: .array(partitions.map(Self.json))),
      (key: "removed", value: Self.json(removals)),
      (key: "days", value: .array(days.map(Self.json))),
    ])
  }

  private static func json(_ partition: Partition) -> JSONValue {
    .object([
      (key: "partition", value: .integer(Int64(partition.index))),
      (
        key: "ranges",
        value: .array(
          partition.ranges.map { range in
            .object([
              (key: "start", value: .unsigned(range.start)),
              (key: "end", value: .unsigned(range.end)),
              (key: "holder", value: .string(range.holder.rawValue)),
            ])
          }
        )
      ),
    ])
  }

  package static func json(_ removals: [String: ExportRemovals]) -> JSONValue {
    .array(
      removals.sorted { $0.key < $1.key }.map { folder, points in
        .object([
          (key: "folder", value: .string(folder)),
          (key: "expired", value: .unsigned(points.expired)),
          (key: "deleted", value: .unsigned(points.deleted)),
        ])
      }
    )
  }

  /// `nil` when it is something else.
  package static func removals(_ json: JSONValue) -> [String: ExportRemovals]? {
    guard let elements = json.elements else { return nil }
    var removals: [String: ExportRemovals] = [:]
    for element in elements {
      guard let folder = element["folder"]?.string,
        let expired = element["expired"].flatMap(unsigned),
        let deleted = element["deleted"].flatMap(unsigned)
      else { return nil }
      removals[folder] = ExportRemovals(expired: expired, deleted: deleted)
    }
    return removals
  }

  package static func json(_ day: Day) -> JSONValue {
    var members: [(key: String, value: JSONValue)] = [
      (key: "folder", value: .string(day.folder)), (key: "inputs", value: .string(day.inputs)),
    ]
    if day.needsNanoseconds { members.append((key: "nanoseconds", value: .boolean(true))) }
    if day.isKept { members.append((key: "kept", value: .boolean(true))) }
    if day.isForeign { members.append((key: "foreign", value: .boolean(true))) }
    if !day.hours.isEmpty {
      members.append((key: "hours", value: .array(day.hours.map { .integer(Int64($0)) })))
    }
    let files = day.files.map { file in
      JSONValue.object([
        (key: "path", value: .string(file.path)),
        (key: "bytes", value: .integer(Int64(file.byteCount))),
        (key: "rows", value: .integer(Int64(file.rowCount))),
        (key: "points", value: .integer(Int64(file.pointCount))),
        (key: "sha256", value: .string(file.digest)),
      ])
    }
    members.append((key: "files", value: .array(files)))
    return .object(members)
  }

  package static func day(_ json: JSONValue) -> Day? {
    guard let folder = json["folder"]?.string, let inputs = json["inputs"]?.string,
      let elements = json["files"]?.elements
    else { return nil }
    var files: [File] = []
    for element in elements {
      guard let path = element["path"]?.string, isInside(path),
        let byteCount = element["bytes"]?.int64, let rowCount = element["rows"]?.int64,
        let pointCount = element["points"]?.int64, let digest = element["sha256"]?.string
      else { return nil }
      files.append(
        File(
          path: path,
          byteCount: Int(byteCount),
          rowCount: Int(rowCount),
          pointCount: Int(pointCount),
          digest: digest
        )
      )
    }
    var day = Day(folder: folder, inputs: inputs, files: files)
    if case .boolean(let needs)? = json["nanoseconds"] { day.needsNanoseconds = needs }
    if case .boolean(let isKept)? = json["kept"] { day.isKept = isKept }
    if case .boolean(let isForeign)? = json["foreign"] { day.isForeign = isForeign }
    let hours = json["hours"]?.elements?.map { $0.int64 }
    if let hours, hours.count == Day.noHours.count {
      day.hours = hours.map { Int(clamping: $0 ?? .max) }
    }
    return day
  }

  /// A path that leaves the folder is none of ours.
  private static func isInside(_ path: String) -> Bool {
    !path.hasPrefix("/") && !path.split(separator: "/").contains("..") && !path.isEmpty
  }

  private static func partition(_ json: JSONValue) -> Partition? {
    guard let index = json["partition"]?.int64, let elements = json["ranges"]?.elements else {
      return nil
    }
    var ranges: [DirectorySnapshot.OffsetRange] = []
    for element in elements {
      guard let start = element["start"].flatMap(unsigned),
        let end = element["end"].flatMap(unsigned),
        let word = element["holder"]?.string,
        let holder = DirectorySnapshot.OffsetRange.Holder(rawValue: word)
      else { return nil }
      ranges.append(DirectorySnapshot.OffsetRange(start: start, end: end, holder: holder))
    }
    return Partition(index: Int(index), ranges: ranges)
  }

  private static func unsigned(_ json: JSONValue) -> UInt64? {
    if case .number(let digits) = json { UInt64(digits) } else { nil }
  }

  /// Why a manifest cannot be read.
  package struct Fault: Error {
    package var message: String
    /// Whether it may be sound: the system or the store has refused to read it.
    package var isRefusal = false
  }

  /// The manifest of a folder, or `nil` when there is none.
  ///
  /// - Parameter name: of the file.
  package static func load(
    _ disk: any Disk,
    _ directory: String,
    name: String = name
  ) throws(Fault) -> ExportManifest? {
    let path = Path.join(directory, name)
    let bytes: [UInt8]
    do throws(SystemError) {
      guard try disk.byteCount(of: path) != nil else { return nil }
      bytes = try disk.read(path, byteCountMax: byteCountMax)
    } catch {
      throw Fault(message: "\(error)", isRefusal: true)
    }
    let json: JSONValue
    do throws(JSONParser.Fault) {
      json = try JSONParser.parse(bytes)
    } catch {
      throw Fault(message: "\(path): byte \(error.column): expected \(error.expected)")
    }
    guard json["format"]?.string == format, json["version"]?.int64 == version else {
      throw Fault(message: "\(path): expected the manifest of an export, version \(version)")
    }
    guard let selection = json["selection"],
      let partitions = json["source"]?.elements?.map(partition), !partitions.contains(nil),
      let days = json["days"]?.elements?.map(day), !days.contains(nil)
    else { throw Fault(message: "\(path): expected selection, source and days of an export") }
    return ExportManifest(
      selection: selection,
      partitions: partitions.compactMap { $0 },
      days: days.compactMap { $0 },
      // Absent in exports of earlier versions.
      removals: json["removed"].flatMap(removals) ?? [:]
    )
  }

  package func save(_ disk: any Disk, _ directory: String) throws(SystemError) {
    try disk.replace(Path.join(directory, Self.name), with: Array((json.text + "\n").utf8))
  }
}
