internal import Platform

/// An object by which a store is told from an empty folder where a disk should be mounted.
public enum StoreMark {
  public static let key = "varve-store"
  private static let text = "Objects of varve: what is removed here is lost.\n"
  /// Objects that are asked for in a store without the mark.
  private static let lookCountMax = 4

  /// Whether an object may be removed, or a missing one taken for removed: the store is there.
  public static func isThere(
    _ store: any ObjectStore,
    orHas key: String
  ) throws(ObjectError) -> Bool {
    if try store.byteCount(of: Self.key) != nil { return true }
    // A store that is older than the mark.
    return try store.byteCount(of: key) != nil
  }

  /// Makes sure that a store is the one in which a directory's objects lie, and marks it.
  ///
  /// - Parameters:
  ///   - keys: some of the objects that the directory has there.
  ///   - wasMarked: whether it had the mark before; an empty folder is then another one.
  /// - Throws: ``ObjectError`` `.missing` when the store has neither the mark nor those objects.
  public static func check(
    _ store: any ObjectStore,
    has keys: [String],
    wasMarked: Bool = false
  ) throws(ObjectError) {
    guard try store.byteCount(of: Self.key) == nil else { return }
    var isFound = keys.isEmpty && !wasMarked
    for key in keys.prefix(lookCountMax) where !isFound {
      isFound = try store.byteCount(of: key) != nil
    }
    guard isFound else {
      throw ObjectError(
        .missing,
        store.location,
        "it has none of the objects that belong there; is it mounted, is it the right place? An "
          + "object \(Self.key) makes an empty one the right place"
      )
    }
    try store.put(Self.key, TextFile(Array(text.utf8)))
  }
}

private final class TextFile: ReadableFile {
  private let bytes: [UInt8]
  init(_ bytes: [UInt8]) { self.bytes = bytes }
  var byteCount: Int { bytes.count }

  func read(at offset: Int, count: Int) -> [UInt8] {
    Array(bytes.dropFirst(offset).prefix(count))
  }
}
