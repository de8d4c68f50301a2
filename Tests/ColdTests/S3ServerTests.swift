#if S3
  import Cold
  import Platform
  import TestSupport
  import Testing

  /// Goal: a bucket behind real HTTP keeps objects as a directory does. `.ci/s3` starts the server
  /// that this needs and says where it is.
  @Suite struct S3ServerTests {
    /// A bucket of its own for tests, such as `s3://bucket/prefix`.
    static let location = ProcessEnvironment.value(of: "VARVE_TEST_S3")

    @Test(.enabled(if: location != nil, "run .ci/s3: it starts moto_server"))
    func aBucketKeepsObjects() throws {
      let location = try #require(Self.location)
      let disk = FaultyDisk(
        files: ["/f": (0..<20_000_000).map { UInt8(truncatingIfNeeded: $0 &* 13 >> 2) }]
      )
      let file = try disk.open("/f")
      let bytes = try file.read(at: 0, count: file.byteCount)
      let store = try ObjectStores.open(location, disk: disk)
      #expect(try store.byteCount(of: "03/x.block") == nil)
      // Two parts.
      try store.put("03/x.block", file)
      #expect(try store.byteCount(of: "03/x.block") == bytes.count)
      for range in [0..<100, 16_777_200..<16_777_300, 19_999_990..<20_000_000] {
        let found = try store.get("03/x.block", at: range.lowerBound, count: range.count)
        #expect(found == Array(bytes[range]))
      }
      #expect(try store.get("03/x.block", at: bytes.count + 1, count: 10) == [])
      let small = try FaultyDisk(files: ["/s": [1, 2, 3]]).open("/s")
      try store.put("03/y z.block", small)
      try store.put("04/a.block", small)
      #expect(try store.list("03/").map(\.key) == ["03/x.block", "03/y z.block"])
      try store.delete("03/x.block")
      try store.delete("03/x.block")
      try store.delete("03/y z.block")
      #expect(try store.list("") == [ObjectEntry(key: "04/a.block", byteCount: 3)])
      let error = #expect(throws: ObjectError.self) { _ = try store.get("no", at: 0, count: 1) }
      #expect(error?.kind == .missing)
      try store.delete("04/a.block")
    }

    @Test(.enabled(if: location != nil, "run .ci/s3: it starts moto_server"))
    func aMissingBucketIsNamed() throws {
      let store = try ObjectStores.open("s3://there-is-none/x", disk: FaultyDisk())
      let error = #expect(throws: ObjectError.self) {
        try store.put("k", try FaultyDisk(files: ["/s": [1]]).open("/s"))
      }
      #expect(error?.what.contains("NoSuchBucket") == true)
      #expect(error?.object == "s3://there-is-none/x/k")
    }
  }
#endif
