internal import Engine
internal import Model
internal import Platform

/// What an export finds that is there already.
extension ParquetExport {
  /// - Returns: what had left the directory when the earlier run was made.
  mutating func loadEarlier() throws -> [String: ExportRemovals] {
    if let remote, remote.selection.text == selection.text {
      for day in remote.days { known[day.folder] = day }
      finished.formUnion(remote.days.map(\.folder))
    }
    let manifest: ExportManifest?
    do throws(ExportManifest.Fault) {
      manifest = try ExportManifest.load(disk, directory)
    } catch {
      guard !error.isRefusal else { throw Fault(message: error.message) }
      guard overwrites else { throw Fault(message: "\(error.message); --overwrite replaces it") }
      manifest = nil
    }
    let journal = try ExportJournal.load(disk, directory)
    guard manifest != nil || journal != nil else {
      let others = try disk.list(directory)
      if !overwrites, let name = others.first(where: { $0.hasPrefix("measurement=") }) {
        throw Fault(
          message: "\(Path.join(directory, name)) is there without a manifest; choose another "
            + "--out, or --overwrite to write into it"
        )
      }
      return known.isEmpty ? [:] : remote?.removals ?? [:]
    }
    let selections = [manifest?.selection, journal?.selection].compactMap { $0?.text }
    let isSame = selections.allSatisfy { $0 == selection.text }
    // An export that found nothing stands in nobody's way.
    let isEmpty = manifest?.files.isEmpty == true && journal?.days.isEmpty != false
    guard isSame || overwrites || isEmpty else {
      throw Fault(
        message: "\(directory) holds another export (\(selections[0])); choose another --out, or "
          + "--overwrite to replace it"
      )
    }
    for day in (manifest?.days ?? []) + (journal?.days ?? []) {
      // A kill came before the files of the later one had their names.
      if let old = known[day.folder], old != day, !isWhole(day), isWhole(old) { continue }
      known[day.folder] = day
      // What another export wrote is not kept, but known: it is removed.
      if !isSame { known[day.folder]?.isForeign = true }
    }
    finished.formUnion((manifest?.days ?? []).map(\.folder))
    return isSame ? manifest?.removals ?? journal?.removals ?? [:] : [:]
  }

  /// A day as an earlier run wrote it, where that has more than can be read now and stays.
  ///
  /// - Parameter hours: the points of each hour that can be read now.
  mutating func kept(
    _ earlier: ExportManifest.Day?,
    over hours: [Int],
    _ gaps: some Sequence<TimeRange>
  ) -> ExportManifest.Day? {
    guard var day = earlier, !day.isForeign,
      let reason = keeping.reason(toKeep: day, over: hours, gaps: gaps)
    else { return nil }
    if !isWhole(day), !Set(remote?.files ?? []).isSuperset(of: day.files) {
      // What a kill has left unfinished is no loss.
      guard finished.contains(day.folder) else { return nil }
      summary.brokenDayCount += 1
    }
    switch reason {
    case .expired:
      day.isKept = true
      summary.expiredDayCount += 1
    case .gone:
      day.isKept = true
      summary.goneDayCount += 1
    case .unreadable: summary.unreadableDayCount += 1
    }
    return day
  }

  /// Keeps days of which the directory has nothing any more, as far as they stay.
  mutating func keepGoneDays() {
    let folders = Set(done.map(\.folder))
    for earlier in known.values.sorted(by: { $0.folder < $1.folder })
    where !folders.contains(earlier.folder) && !keeping.isOutdated(earlier.folder) {
      guard let day = kept(earlier, over: ExportManifest.Day.noHours, snapshot.gaps) else {
        continue
      }
      done.append(day)
      count(day)
    }
    done.sort { $0.folder < $1.folder }
  }

  /// Removes files of days that are not there any more, what a kill has left of files that were
  /// being written, and folders of days that are empty then.
  func removeStale() throws(SystemError) {
    let current = Set(done.flatMap(\.files).map(\.path))
    for day in known.values {
      for file in day.files where !current.contains(file.path) {
        let path = Path.join(directory, file.path)
        if try disk.byteCount(of: path) != nil { try disk.remove(path) }
      }
    }
    for measurement in try disk.list(directory) where measurement.hasPrefix("measurement=") {
      let folder = Path.join(directory, measurement)
      for day in try disk.list(folder) where day.hasPrefix("date=") {
        let path = Path.join(folder, day)
        for name in try disk.list(path) where ParquetPart.isUnfinished(name) {
          try disk.remove(Path.join(path, name))
        }
        // One that holds something stays.
        if try disk.list(path).isEmpty { try? disk.remove(path) }
      }
      if try disk.list(folder).isEmpty { try? disk.remove(folder) }
    }
  }

  /// Whether the files of a day are those that an earlier run wrote, byte for byte.
  func isWhole(_ day: ExportManifest.Day) -> Bool {
    day.files.allSatisfy { file in
      let path = Path.join(directory, file.path)
      return (try? disk.byteCount(of: path)) == file.byteCount
        && (try? ParquetPart.digest(of: path, disk: disk)) == file.digest
    }
  }
}
