package import Platform

/// A folder among what is to be imported: it stands for the files in it.
package enum ImportFolder {
  /// The files of a folder in the order of their names; `nil` for what is no folder.
  ///
  /// A Parquet export has the files that its manifest names, byte for byte: the footer of a Parquet
  /// file, which names its columns, has no checksum of its own. Any other folder has those whose
  /// names tell a format. Folders in it are not looked into.
  package static func files(of path: String, _ disk: any Disk) throws(ImportFault) -> [String]? {
    // Of a path that is no folder there is nothing below, not even itself.
    guard let names = try? disk.list(path), (try? disk.byteCount(of: path + "/.")) ?? nil != nil
    else { return nil }
    let manifest: ExportManifest?
    do throws(ExportManifest.Fault) { manifest = try ExportManifest.load(disk, path) } catch {
      throw .format(error.message)
    }
    if let manifest {
      return try manifest.files.map { file throws(ImportFault) in
        let found = Path.join(path, file.path)
        guard try isWhole(found, file, disk) else {
          throw .format(
            "\(found) is not as the export wrote it; varve verify --export \(path) says more, "
              + "and the same varve export writes it anew"
          )
        }
        return found
      }
    }
    let known = names.filter { ImportFormat.named($0) != nil }
    guard !known.isEmpty else {
      throw .format(
        "\(path) is a folder and holds no .lp, .csv, .jsonl or .parquet file; name the files"
      )
    }
    return known.map { Path.join(path, $0) }
  }

  private static func isWhole(
    _ path: String,
    _ file: ExportManifest.File,
    _ disk: any Disk
  ) throws(ImportFault) -> Bool {
    do throws(SystemError) {
      guard try disk.byteCount(of: path) == file.byteCount else { return false }
      return try ParquetPart.digest(of: path, disk: disk) == file.digest
    } catch {
      throw .system(error)
    }
  }
}
