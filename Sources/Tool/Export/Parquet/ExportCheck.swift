internal import Cold
package import Model
package import Platform

/// Checks an export's folder without a server: manifest, digests, every page of every file.
package struct ExportCheck {
  package struct Result: Sendable {
    package var findings: [Damage] = []
    package var fileCount = 0
    package var byteCount = 0
  }

  private let disk: any Disk
  private let directory: String
  private var result = Result()

  package init(disk: any Disk, directory: String) {
    self.disk = disk
    self.directory = directory
  }

  package consuming func run(progress: (String) -> Void = { _ in }) -> Result {
    let path = Path.join(directory, ExportManifest.name)
    let manifest: ExportManifest?
    do throws(ExportManifest.Fault) {
      manifest = try ExportManifest.load(disk, directory)
    } catch {
      find(error.isRefusal ? .unreadable : .damage, path, 0, 0, error.message)
      return result
    }
    guard let manifest else {
      let isBegun = (try? disk.byteCount(of: Path.join(directory, ExportJournal.name))) != nil
      find(
        .unreadable,
        path,
        0,
        0,
        isBegun
          ? "expected a manifest: the export was not finished, run it again"
          : "expected the manifest of an export"
      )
      return result
    }
    for partition in manifest.partitions where !partition.tiles {
      find(.damage, path, 0, 0, "expected offset ranges that tile, partition \(partition.index)")
    }
    for file in manifest.files {
      progress(file.path)
      check(file)
    }
    findStrangers(in: "", Set(manifest.files.map(\.path)))
    for day in manifest.days {
      guard day.inputs.isEmpty else { continue }
      find(
        .note,
        Path.join(directory, day.folder),
        0,
        0,
        "rows that could not be read were left out when it was exported; export it again"
      )
    }
    return result
  }

  private mutating func find(
    _ severity: Damage.Severity,
    _ path: String,
    _ offset: Int,
    _ byteCount: Int,
    _ what: String
  ) {
    result.findings.append(
      Damage(severity: severity, path: path, offset: offset, byteCount: byteCount, what: what)
    )
  }

  private mutating func check(_ file: ExportManifest.File) {
    let path = Path.join(directory, file.path)
    result.fileCount += 1
    do throws(SystemError) {
      guard let byteCount = try disk.byteCount(of: path) else {
        find(.damage, path, 0, file.byteCount, "expected a file of the manifest, found none")
        return
      }
      result.byteCount += byteCount
      guard byteCount == file.byteCount else {
        find(
          .damage,
          path,
          min(byteCount, file.byteCount),
          0,
          "expected \(file.byteCount) bytes, found \(byteCount)"
        )
        return
      }
      if try ParquetPart.digest(of: path, disk: disk) != file.digest {
        find(.damage, path, 0, byteCount, "expected the manifest's SHA-256")
      }
    } catch {
      find(.unreadable, path, 0, 0, error.reason)
      return
    }
    do throws(ParquetError) {
      let reader = try ParquetReader(disk: disk, path: path)
      for group in 0..<reader.groupCount {
        for column in reader.schema.columns.indices {
          _ = try reader.read(column: column, ofGroup: group)
        }
      }
      if reader.rowCount != file.rowCount {
        find(.damage, path, 0, 0, "expected \(file.rowCount) rows, found \(reader.rowCount)")
      }
    } catch {
      let isUnreadable = error.kind == .system
      find(isUnreadable ? .unreadable : .damage, path, error.offset, 0, error.what)
    }
  }

  /// Folders below the export's own that are looked into.
  private static let depthMax = 8

  /// Files that the manifest does not name: readers of the folder, whatever pattern they are given,
  /// would take rows of them too.
  ///
  /// - Parameters:
  ///   - folder: from the export's own; empty for that one.
  ///   - isHidden: whether readers of folders leave it out, as long as they are given no pattern.
  ///   - own: the paths of the manifest's files.
  private mutating func findStrangers(
    in folder: String,
    isHidden: Bool = false,
    _ own: Set<String>,
    depth: Int = 0
  ) {
    for name in (try? disk.list(Path.join(directory, folder))) ?? [] {
      let path = folder.isEmpty ? name : Path.join(folder, name)
      guard !own.contains(path) else { continue }
      let isHidden = isHidden || name.hasPrefix("_") || name.hasPrefix(".")
      if isFolder(path) {
        guard depth < Self.depthMax else { continue }
        findStrangers(in: path, isHidden: isHidden, own, depth: depth + 1)
        continue
      }
      let isParquet = name.hasSuffix(".parquet")
      // Manifest and journal.
      if folder.isEmpty, isHidden, !isParquet { continue }
      let isReadByOthers = isParquet || !isHidden && !folder.isEmpty
      find(
        isReadByOthers ? .damage : .note,
        Path.join(directory, path),
        0,
        0,
        "expected no file that the manifest does not name"
          + (isReadByOthers ? ": readers of the folder take it too, move it away" : "")
      )
    }
  }

  private func isFolder(_ path: String) -> Bool {
    let path = Path.join(directory, path)
    // Below a file there is nothing, not even itself.
    return (try? disk.byteCount(of: path + "/.")) ?? nil != nil
      || (try? disk.list(path))?.isEmpty == false
  }
}
