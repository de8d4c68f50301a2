internal import Platform

/// A folder among what is to be imported: it stands for the files in it.
enum ImportFolder {
  /// The files of a folder in the order of their names; `nil` for what is no folder.
  ///
  /// A Parquet export has the files that its manifest names, any other folder those whose names
  /// tell a format. Folders in it are not looked into.
  static func files(of path: String, _ disk: any Disk) throws(ImportFault) -> [String]? {
    // Of a path that is no folder there is nothing below, not even itself.
    guard let names = try? disk.list(path), (try? disk.byteCount(of: path + "/.")) ?? nil != nil
    else { return nil }
    do throws(ExportManifest.Fault) {
      if let manifest = try ExportManifest.load(disk, path) {
        return manifest.files.map { Path.join(path, $0.path) }
      }
    } catch {
      throw .format(error.message)
    }
    let known = names.filter { ImportFormat.named($0) != nil }
    guard !known.isEmpty else {
      throw .format(
        "\(path) is a folder and holds no .lp, .csv, .jsonl or .parquet file; name the files"
      )
    }
    return known.map { Path.join(path, $0) }
  }
}
