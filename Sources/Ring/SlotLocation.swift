internal import Model
internal import Platform

/// Where the committed records of an hour are: which of the slot's two files, or a patch.
///
/// Of the two the one whose header is of this partition and hour, and of a cut that the manifest
/// knows; of two such the later one. A cut that did not commit may have left the other.
struct SlotLocation {
  let progress: RingProgress
  let cut: UInt64
  /// The first name when neither file will do.
  let path: String
  private let file: (any ReadableFile)?
  private let header: SlotHeader?
  private let fault: SlotFault

  init(
    disk: any Disk,
    directory: String,
    partition: PartitionID,
    slotCount: Int,
    progress: RingProgress,
    cut: UInt64
  ) {
    self.progress = progress
    self.cut = cut
    var found: (path: String, file: any ReadableFile, header: SlotHeader)?
    var faults: [SlotFault] = []
    let paths = SlotName.files(of: progress, slotCount: slotCount).map {
      Path.join(directory, $0)
    }
    for path in paths {
      do throws(SlotFault) {
        let (file, header) = try Self.look(disk, path)
        guard header.partition == partition, header.hour == progress.hour, header.cut <= cut,
          header.isPatch == (progress.kind == .patch)
        else {
          faults.append(SlotFault(0, SlotLayout.headerByteCount, "slot of another hour"))
          continue
        }
        if header.cut >= found?.header.cut ?? 0 { found = (path, file, header) }
      } catch {
        faults.append(error)
      }
    }
    path = found?.path ?? paths[0]
    file = found?.file
    header = found?.header
    fault = faults.first ?? SlotFault(0, 0, "slot file is missing")
  }

  private static func look(
    _ disk: any Disk,
    _ path: String
  ) throws(SlotFault) -> (file: any ReadableFile, header: SlotHeader) {
    let file: any ReadableFile
    do throws(SystemError) {
      file = try disk.open(path)
    } catch {
      if error.isMissing { throw SlotFault(0, 0, "slot file is missing") }
      throw SlotFault(0, 0, "\(error)", severity: .unreadable)
    }
    let bytes = try file.bytes(at: 0, count: SlotLayout.headerByteCount)
    guard let header = SlotHeader(bytes.span) else {
      throw SlotFault(0, SlotLayout.headerByteCount, "bad slot header")
    }
    return (file, header)
  }

  /// The file and its header.
  ///
  /// - Throws: When there is none, or no slot can be as long as the manifest says.
  func open() throws(SlotFault) -> (file: any ReadableFile, header: SlotHeader) {
    guard progress.byteCount >= UInt64(SlotLayout.headerByteCount),
      progress.byteCount <= UInt64(SlotLayout.slotByteCountMax)
    else { throw SlotFault(0, 0, "no slot has \(progress.byteCount) bytes") }
    guard let file, let header else { throw fault }
    return (file, header)
  }
}

extension ReadableFile {
  /// Exactly `count` bytes at `offset`.
  func bytes(at offset: Int, count: Int) throws(SlotFault) -> [UInt8] {
    let bytes: [UInt8]
    do throws(SystemError) {
      bytes = try read(at: offset, count: count)
    } catch {
      throw SlotFault(offset, count, "\(error)", severity: .unreadable)
    }
    guard bytes.count == count else {
      throw SlotFault(offset + bytes.count, count - bytes.count, "slot file is too short")
    }
    return bytes
  }
}

/// Why an hour cannot be used.
struct SlotFault: Error {
  private let offset: Int
  private let byteCount: Int
  private let what: String
  private let severity: Damage.Severity

  init(
    _ offset: Int,
    _ byteCount: Int,
    _ what: String,
    severity: Damage.Severity = .damage
  ) {
    self.offset = offset
    self.byteCount = byteCount
    self.what = what
    self.severity = severity
  }

  func damage(path: String, hour: Int64) -> Damage {
    Damage(
      severity: severity,
      path: path,
      offset: offset,
      byteCount: byteCount,
      what: what,
      range: "windows of hour \(hour)"
    )
  }
}
