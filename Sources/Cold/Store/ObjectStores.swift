public import Platform

/// Opens stores by what the configuration calls them.
public enum ObjectStores {
  /// Whether a text can name a store: an absolute path or `s3://BUCKET` with a prefix or without.
  public static func isLocation(_ text: String) -> Bool {
    if isBucket(text) { return text.utf8.count > 5 && text.utf8.dropFirst(5).first != 0x2f }
    return text.hasPrefix("/") && !text.utf8.contains(0)
  }

  /// Whether a location is a bucket and no directory.
  public static func isBucket(_ location: String) -> Bool { location.hasPrefix("s3://") }

  /// - Throws: ``ObjectError`` when this build or the environment lacks what the store needs;
  ///   nothing is asked of the store itself.
  public static func open(
    _ location: String,
    disk: any Disk,
    clock: any Clock = RealClock()
  ) throws(ObjectError) -> any ObjectStore {
    guard isLocation(location) else {
      throw ObjectError(
        .unsupported,
        location,
        "a store is an absolute path or s3://BUCKET/PREFIX"
      )
    }
    guard isBucket(location) else {
      let salt = UInt64(bitPattern: clock.now())
      return DirectoryStore(disk: disk, path: location, salt: salt)
    }
    #if S3
      return S3Store(
        try S3Place(location),
        try S3Account(location: location),
        transport: CurlTransport(),
        clock: clock
      )
    #else
      throw ObjectError(
        .unsupported,
        location,
        "this build knows no buckets; build it with `swift build -c release --traits S3`, "
          + "which needs libcurl4-openssl-dev"
      )
    #endif
  }
}
