internal import Bytes
public import Model
public import Platform

/// The values of one column in one row group.
public struct ParquetValues: Sendable {
  /// Of the rows that have a value.
  public internal(set) var cells: [Cell] = []
  public internal(set) var rows = RowBits()
  /// Behind the cells of a string column.
  public internal(set) var strings = StringArena()
}

/// Reads the subset of Parquet that ``ParquetWriter`` writes (docs/format/parquet.md).
///
/// No byte of a file may trap: what cannot be is a ``ParquetError``. Every page's checksum is
/// verified. Memory: the footer, and a column of a row group at a time.
public struct ParquetReader: Sendable {
  public let path: String
  private let file: any ReadableFile
  private let footer: FileFooter
  private let footerOffset: Int

  public var schema: ParquetSchema { footer.schema }
  public var rowCount: Int { footer.rowCount }
  public var groupCount: Int { footer.groups.count }

  public func rowCount(ofGroup group: Int) -> Int { footer.groups[group].rowCount }

  /// Where a row group begins in the file; the end of the pages for the number behind the last.
  public func offset(ofGroup group: Int) -> Int {
    guard group < footer.groups.count else { return footerOffset }
    return footer.groups[group].chunks.first.map { $0.dictionaryOffset ?? $0.dataOffset } ?? 0
  }

  /// Opens a file and reads its footer.
  public init(disk: any Disk, path: String) throws(ParquetError) {
    self.path = path
    do throws(SystemError) {
      file = try disk.open(path)
    } catch {
      throw ParquetError(error, path: path)
    }
    let magic = ParquetLimits.magic
    let byteCount = file.byteCount
    let ends = try Self.read(file, path, max(0, byteCount - 8)..<byteCount)
    let starts = try Self.read(file, path, 0..<min(4, byteCount))
    guard byteCount >= 12, starts == magic, Array(ends.suffix(4)) == magic else {
      let isStart = starts == magic
      throw ParquetError(
        isStart ? .damage : .foreign,
        path: path,
        offset: isStart ? max(0, byteCount - 4) : 0,
        "expected PAR1 at the \(isStart ? "end" : "start") of a Parquet file"
          + (isStart ? ": it is cut off, copy or export it again" : "")
      )
    }
    let footerByteCount = (0..<4).reduce(0) { $0 | Int(ends[$1]) << (8 * $1) }
    footerOffset = byteCount - 8 - footerByteCount
    guard footerOffset >= 4, footerByteCount <= ParquetLimits.footerByteCountMax else {
      throw ParquetError(
        .damage,
        path: path,
        offset: byteCount - 8,
        "expected a footer inside the file, found a length of \(footerByteCount) bytes"
      )
    }
    let bytes = try Self.read(file, path, footerOffset..<byteCount - 8)
    do throws(FileFooter.Fault) {
      footer = try FileFooter(bytes, dataByteCount: footerOffset)
    } catch {
      throw ParquetError(error.kind, path: path, offset: footerOffset, error.what)
    }
  }

  private static func read(
    _ file: any ReadableFile,
    _ path: String,
    _ range: Range<Int>
  ) throws(ParquetError) -> [UInt8] {
    let bytes: [UInt8]
    do throws(SystemError) {
      bytes = try file.read(at: range.lowerBound, count: range.count)
    } catch {
      throw ParquetError(error, path: path)
    }
    guard bytes.count == range.count else {
      throw ParquetError(
        .damage,
        path: path,
        offset: range.lowerBound,
        "expected \(range.count) bytes, found \(bytes.count)"
      )
    }
    return bytes
  }

  /// Reads a column of a row group.
  public func read(column: Int, ofGroup group: Int) throws(ParquetError) -> ParquetValues {
    let chunk = footer.groups[group].chunks[column]
    let start = chunk.dictionaryOffset ?? chunk.dataOffset
    let bytes = try Self.read(file, path, start..<start + chunk.byteCount)
    var decoder = ChunkDecoder(
      column: footer.schema.columns[column],
      rowCount: footer.groups[group].rowCount
    )
    var position = 0
    while position < bytes.count {
      do throws(ChunkDecoder.Fault) {
        position = try decoder.page(bytes[position...])
      } catch {
        throw ParquetError(
          error.kind,
          path: path,
          offset: start + position,
          "column \"\(footer.schema.columns[column].name)\": \(error.what)"
        )
      }
    }
    guard decoder.values.rows.count == footer.groups[group].rowCount else {
      throw ParquetError(
        .damage,
        path: path,
        offset: start,
        "column \"\(footer.schema.columns[column].name)\": expected "
          + "\(footer.groups[group].rowCount) rows, found \(decoder.values.rows.count)"
      )
    }
    return decoder.values
  }
}
