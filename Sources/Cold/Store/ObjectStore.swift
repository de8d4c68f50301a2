public import Platform

/// A place for objects that never change: a directory here, a bucket elsewhere. Keys are names with
/// `/` between parts. Safe from several threads; every call may block for as long as a network
/// takes, which each store bounds.
public protocol ObjectStore: Sendable {
  /// How people call it: an absolute path, or `s3://bucket/prefix`.
  var location: String { get }
  /// How people find an object.
  func path(of key: String) -> String
  /// Stores the whole of `file` as `key`, durably. Under that name there is never a part of it. An
  /// object of that key is replaced.
  func put(_ key: String, _ file: any ReadableFile) throws(ObjectError)
  /// Up to `count` bytes at `offset`; fewer only at the end of the object.
  func get(_ key: String, at offset: Int, count: Int) throws(ObjectError) -> [UInt8]
  /// All objects whose keys begin with `prefix`, ascending by key.
  func list(_ prefix: String) throws(ObjectError) -> [ObjectEntry]
  /// Removes an object; no error when there is none.
  func delete(_ key: String) throws(ObjectError)
  /// Bytes of an object; `nil` when there is none.
  func byteCount(of key: String) throws(ObjectError) -> Int?
}

/// What a listing tells of an object.
public struct ObjectEntry: Hashable, Sendable {
  public var key: String
  public var byteCount: Int

  public init(key: String, byteCount: Int) {
    self.key = key
    self.byteCount = byteCount
  }
}

/// Why a store did not do what it was asked.
public struct ObjectError: Error, Hashable, Sendable {
  public enum Kind: Sendable, Hashable {
    /// There is no such object, bucket or directory.
    case missing
    /// The store does not let us.
    case denied
    /// It does not answer, or says that it is too busy: others of its objects will not come either.
    case unreachable
    /// Its bytes are not what was stored.
    case damaged
    /// It has no room.
    case full
    /// This build or configuration cannot reach it.
    case unsupported
    /// Everything else.
    case refused
  }

  public var kind: Kind
  /// Path or URL of the object, or of the store.
  public var object: String
  /// What was tried, what came of it and what to do.
  public var what: String

  public init(_ kind: Kind, _ object: String, _ what: String) {
    self.kind = kind
    self.object = object
    self.what = what
  }

  public init(_ error: SystemError) {
    kind =
      error.isMissing
      ? .missing
      : error.isDiskFull
        ? .full : error.code == SystemError.Code.notPermitted ? .denied : .refused
    object = error.path
    what = "\(error.operation): \(error.reason)"
  }

  /// The same for those who read files.
  public var systemError: SystemError {
    let code =
      switch kind {
      case .missing: SystemError.Code.noSuchFile
      case .denied: SystemError.Code.notPermitted
      case .unreachable: SystemError.Code.timedOut
      case .damaged: SystemError.Code.inputOutput
      case .full: SystemError.Code.noSpace
      case .unsupported, .refused: SystemError.Code.invalid
      }
    return SystemError(code: code, operation: what, path: object)
  }
}

extension ObjectError: CustomStringConvertible {
  public var description: String { "\(object): \(what)" }
}
