internal import Model
internal import Platform

/// Where a block lies that is not here, and whether what comes from there is verified.
struct ColdPlace {
  var reference: ColdReference
  var isVerified: Bool
}

/// A block of a cold store as a file: its start and tail are read from the stub, the groups from
/// the store.
final class ColdBlockFile: ReadableFile {
  let byteCount: Int
  private let object: ColdObject
  private let source: any ColdSource
  private let stub: (file: any ReadableFile, startPosition: Int, tailPosition: Int)?
  private let tailOffset: Int

  init(
    _ stub: ColdStub,
    of file: any ReadableFile,
    key: String,
    source: any ColdSource
  ) {
    byteCount = stub.byteCount
    tailOffset = stub.tailOffset
    object = ColdObject(
      key: key,
      byteCount: stub.byteCount,
      pageByteCount: stub.pageByteCount,
      pageChecksums: stub.pageChecksums
    )
    self.stub = (file, stub.startPosition, stub.tailPosition)
    self.source = source
  }

  /// A block whose stub is lost: everything is read from the store, and nothing is verified.
  init(key: String, byteCount: Int, source: any ColdSource) {
    self.byteCount = byteCount
    tailOffset = byteCount
    object = ColdObject(
      key: key,
      byteCount: byteCount,
      pageByteCount: ColdStub.pageByteCount,
      pageChecksums: []
    )
    stub = nil
    self.source = source
  }

  func read(at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
    guard offset < byteCount, count > 0 else { return [] }
    let end = offset + min(count, byteCount - offset)
    guard let stub else { return try source.read(object, at: offset, count: end - offset) }
    if offset >= tailOffset {
      return try stub.file.read(at: stub.tailPosition + offset - tailOffset, count: end - offset)
    }
    if end <= BlockIdentity.byteCount {
      return try stub.file.read(at: stub.startPosition + offset, count: end - offset)
    }
    let middle = try source.read(object, at: offset, count: min(end, tailOffset) - offset)
    guard end > tailOffset else { return middle }
    return middle + (try stub.file.read(at: stub.tailPosition, count: end - tailOffset))
  }
}

extension BlockReader {
  /// Whether it lies in a cold store and is read from there alone, for want of a sound stub.
  public var lacksStub: Bool { summary.cold != nil && !isFileVerified }

  /// Opens a block that lies in a cold store.
  ///
  /// - Parameters:
  ///   - files: where descriptors of stubs come from.
  ///   - stubPath: where its stub is. Without a sound one the store is asked for everything.
  /// - Throws: ``BlockError``; with a sound stub never about the store.
  public static func open(
    cold summary: BlockSummary,
    _ files: BlockFiles,
    stubPath: String,
    source: any ColdSource
  ) throws(BlockError) -> BlockReader {
    guard let reference = summary.cold, let key = summary.objectKey else { throw .unidentified }
    let path = source.path(of: key)
    let file: any ReadableFile
    let stub: ColdStub
    do throws(BlockError) {
      do throws(SystemError) { file = try files.open(stubPath) } catch { throw .system(error) }
      stub = try ColdStub(file)
      guard stub.reference == reference, stub.byteCount == summary.byteCount else {
        throw .mismatch(.stub)
      }
    } catch {
      if case .system(let failure) = error, failure.isOutOfResources { throw error }
      let remote = ColdBlockFile(key: key, byteCount: summary.byteCount, source: source)
      let place = ColdPlace(reference: reference, isVerified: false)
      return try open(remote, path, summary.identity, cold: place)
    }
    let remote = ColdBlockFile(stub, of: file, key: key, source: source)
    let place = ColdPlace(reference: reference, isVerified: true)
    return try open(remote, path, summary.identity, cold: place)
  }

  /// Opens the block of a stub that no manifest tells of: its names and index, not its rows.
  static func open(disk: any Disk, stub path: String) throws(BlockError) -> BlockReader {
    let file: any ReadableFile
    do { file = try disk.open(path) } catch { throw .system(error) }
    let stub = try ColdStub(file)
    let remote = ColdBlockFile(stub, of: file, key: Path.name(of: path), source: NoColdSource())
    let place = ColdPlace(reference: stub.reference, isVerified: true)
    return try open(remote, path, nil, cold: place)
  }
}
