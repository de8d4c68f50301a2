internal import Bytes
internal import Cold
internal import Platform

/// A bucket that an export goes to, by way of a folder here.
struct ExportDestination {
  /// Where the export is made.
  let directory: String
  private let isOurs: Bool
  private let store: any ObjectStore
  private let disk: RealDisk

  /// - Parameter staging: the folder; by default one whose name follows from the location, so that
  ///   the next run finds what this one has done. It goes when all is brought over.
  init(_ location: String, staging: String?, _ disk: RealDisk) throws {
    self.disk = disk
    do throws(ObjectError) {
      store = try ObjectStores.open(location, disk: disk)
    } catch {
      throw Failure("\(error)")
    }
    isOurs = staging == nil
    let base = ProcessEnvironment.value(of: "TMPDIR") ?? "/tmp"
    let digest = SHA256.digest(Array(location.utf8)).prefix(8)
      .map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    directory = staging ?? Path.join(base, "varve-export-\(digest)")
  }

  /// What the export that is there says of itself, or said before an upload that was interrupted;
  /// `nil` when there is none.
  ///
  /// - Parameter overwrites: whether one that cannot be understood is as good as none.
  func manifest(overwrites: Bool) throws -> ExportManifest? {
    do throws(ExportManifest.Fault) {
      if let found = try ExportManifest.load(StoreDisk(store), ".") { return found }
      return try ExportManifest.load(disk, directory, name: ExportUpload.earlierName)
    } catch {
      guard !error.isRefusal else {
        throw Failure("\(error.message); run it again when \(store.location) can be read")
      }
      guard overwrites else { throw Failure("\(error.message); --overwrite replaces it") }
      return nil
    }
  }

  func upload(overwrites: Bool) throws {
    let upload = ExportUpload(
      disk: disk,
      directory: directory,
      store: store,
      overwrites: overwrites
    )
    let progress = ProgressLine("upload", unit: .bytes)
    defer { progress.end() }
    do {
      let found = try upload.run { progress.update($0, of: $1) }
      progress.end()
      if found.keptFileCount > 0 {
        StandardOutput.writeError(
          "\(Quantity.grouped(found.keptFileCount)) of \(Quantity.grouped(found.fileCount)) files "
            + "were stored already\n"
        )
      }
    } catch let fault as ExportUpload.Fault {
      throw Failure(fault.message)
    } catch {
      throw Failure("the upload failed: \(error); run it again to go on (\(directory) is kept)")
    }
    if isOurs { ScratchDirectory.removeTree(directory, disk) }
  }
}
