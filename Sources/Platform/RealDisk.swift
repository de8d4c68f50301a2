internal import Glibc

/// The file system of the machine.
public struct RealDisk: Disk {
  public init() {}

  public func createDirectory(_ path: String) throws(SystemError) {
    try create(path, isDurable: true)
  }

  public func makeDirectory(_ path: String) throws(SystemError) {
    try create(path, isDurable: false)
  }

  private func create(_ path: String, isDurable: Bool) throws(SystemError) {
    guard !path.isEmpty, try !isDirectory(path) else { return }
    let parent = Path.directory(of: path)
    if parent != path { try create(parent, isDurable: isDurable) }
    do throws(SystemError) {
      try SystemCall.run("mkdir", path) { unsafe mkdir(path, 0o755) }
    } catch  where error.code == EEXIST {
      // Another thread was faster; a file of that name is an error all the same.
      guard try isDirectory(path) else {
        throw SystemError(code: ENOTDIR, operation: "mkdir", path: path)
      }
    }
    if isDurable { try syncDirectory(parent) }
  }

  private func isDirectory(_ path: String) throws(SystemError) -> Bool {
    guard let status = try status(of: path) else { return false }
    return status.st_mode & S_IFMT == S_IFDIR
  }

  private func status(of path: String) throws(SystemError) -> stat? {
    var status = stat()
    do throws(SystemError) {
      try SystemCall.run("stat", path) { unsafe stat(path, &status) }
      return status
    } catch  where error.isMissing {
      return nil
    }
  }

  public func list(_ directory: String) throws(SystemError) -> [String] {
    guard let stream = unsafe opendir(directory) else {
      let error = SystemError(code: errno, operation: "opendir", path: directory)
      if error.isMissing { return [] }
      throw error
    }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = unsafe readdir(stream) else {
        guard errno == 0 else {
          throw SystemError(code: errno, operation: "readdir", path: directory)
        }
        return names.sorted()
      }
      // The entry may be shorter than its declared type: touch only the name.
      let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
      let name = unsafe String(
        cString: (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self)
      )
      if name != ".", name != ".." { names.append(name) }
    }
  }

  public func byteCount(of path: String) throws(SystemError) -> Int? {
    try status(of: path).map { Int($0.st_size) }
  }

  public func fileNumber(of path: String) throws(SystemError) -> UInt64? {
    try status(of: path).map { UInt64($0.st_ino) }
  }

  public func append(to path: String) throws(SystemError) -> any AppendFile {
    try RealAppendFile(path)
  }

  public func open(_ path: String) throws(SystemError) -> any ReadableFile {
    try RealReadableFile(path)
  }

  public func map(_ path: String) throws(SystemError) -> any MappedFile {
    try RealMappedFile(path)
  }

  public func rename(_ from: String, to target: String) throws(SystemError) {
    try SystemCall.run("rename", from) { unsafe Glibc.rename(from, target) }
  }

  public func link(_ path: String, to target: String) throws(SystemError) {
    try SystemCall.run("link", path) { unsafe Glibc.link(path, target) }
  }

  public func remove(_ path: String) throws(SystemError) {
    try SystemCall.run("remove", path) { unsafe Glibc.remove(path) }
  }

  public func syncDirectory(_ path: String) throws(SystemError) {
    let descriptor = try Descriptor(path, O_RDONLY | O_DIRECTORY)
    let raw = descriptor.raw
    try SystemCall.run("fsync", path) { fsync(raw) }
  }

  public func space(at path: String) throws(SystemError) -> (free: Int, total: Int) {
    var status = statvfs()
    try SystemCall.run("statvfs", path) { unsafe statvfs(path, &status) }
    let unit = Int(status.f_frsize)
    return (Int(status.f_bavail) * unit, Int(status.f_blocks) * unit)
  }

  public func lock(_ path: String) throws(SystemError) -> any FileLock {
    try RealFileLock(path)
  }
}
