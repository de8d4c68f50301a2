internal import Model
internal import Platform

/// The segments of a directory with their headers, oldest first. Reads a kilobyte of each.
struct SegmentIndex {
  /// One segment file.
  struct Entry {
    var sequence: UInt64
    var path: String
    var byteCount: Int
    /// `nil` with the reason in `fault`.
    var header: SegmentHeader?
    var fault: SegmentHeader.Fault?
  }

  let directory: String
  let partitionCount: Int
  private(set) var entries: [Entry] = []

  init(disk: any Disk, directory: String, partitionCount: Int) throws(SystemError) {
    self.directory = directory
    self.partitionCount = partitionCount
    for name in try disk.list(directory) {
      guard let sequence = SegmentName.sequence(of: name) else { continue }
      let path = Path.join(directory, name)
      do throws(SystemError) {
        entries.append(try read(disk, path, sequence))
      } catch  where error.isMissing {
        // Retention was faster; it goes from the oldest on, so the ones before are gone as well.
        entries.removeAll()
      }
    }
  }

  /// The entry once more, if its header was not sound: a live log may have just made it.
  func refreshed(_ entry: Entry, disk: any Disk) throws(SystemError) -> Entry {
    entry.header == nil ? try read(disk, entry.path, entry.sequence) : entry
  }

  private func read(
    _ disk: any Disk,
    _ path: String,
    _ sequence: UInt64
  ) throws(SystemError) -> Entry {
    let file = try disk.open(path)
    var entry = Entry(sequence: sequence, path: path, byteCount: file.byteCount)
    let bytes: [UInt8]
    do throws(SystemError) {
      bytes = try file.readAgain(at: 0, count: SegmentHeader.byteCountMax)
    } catch {
      entry.fault = .unreadable
      return entry
    }
    do throws(SegmentHeader.Fault) {
      let header = try SegmentHeader(bytes.span)
      guard header.partitions.count == partitionCount else {
        throw .partitionCount(header.partitions.count)
      }
      // A copy under another name must not pass for a segment.
      guard header.sequence == sequence else { throw .malformed }
      entry.header = header
    } catch {
      entry.fault = error
    }
    return entry
  }

  /// Refuses what another release or another directory wrote.
  func validate() throws(LogError) {
    for entry in entries {
      switch entry.fault {
      case .version(let version): throw .version(path: entry.path, found: version)
      case .partitionCount(let count):
        throw .partitionCount(path: entry.path, found: count, expected: partitionCount)
      case nil, .truncated, .magic, .checksum, .unreadable, .malformed: continue
      }
    }
  }

  /// The first sound header behind the entry at `index`.
  func header(after index: Int) -> SegmentHeader? {
    entries[(index + 1)...].first { $0.header != nil }?.header
  }

  /// Segments that a later one names as its predecessor and that are not there.
  func missing() -> [Damage] {
    gaps.compactMap { place in
      guard let header = entries[place].header else { return nil }
      return Damage(
        severity: .damage,
        path: SegmentName.path(in: directory, sequence: header.previousSequence),
        offset: 0,
        byteCount: Int(header.previousByteCount),
        what: "the segment is missing"
      )
    }
  }

  /// The place of the first segment behind the last one that is missing; 0 when none is.
  var firstAfterGap: Int { gaps.last ?? 0 }

  /// The places of segments whose predecessor is not there.
  private var gaps: [Int] {
    let sequences = Set(entries.map(\.sequence))
    // What is older than the oldest sound one was removed by retention; files whose header a crash
    // tore are no segments and stay out of it.
    return entries.indices.filter { entries[$0].header != nil }.dropFirst().filter { place in
      guard let header = entries[place].header, header.previousSequence > 0 else { return false }
      return !sequences.contains(header.previousSequence)
    }
  }

  /// The first segment that holds an offset of `from` or a later one.
  func first(from: [Offset]) -> Int {
    let index = entries.lastIndex { entry in
      guard let header = entry.header else { return false }
      return zip(header.partitions, from).allSatisfy { $0.first <= $1 }
    }
    return index ?? 0
  }
}
