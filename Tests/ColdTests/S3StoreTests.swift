import Cold
import Platform
import Synchronization
import TestSupport
import Testing

/// Goal: a bucket keeps objects like a directory does, and what goes wrong is said in words that
/// tell what to do. Against a real HTTP server: `.ci/s3`.
@Suite struct S3StoreTests {
  private final class Waits: Sendable {
    let limits = Mutex<[UInt64]>([])
  }

  private static let account = S3Account(
    accessKey: "key",
    secretKey: "secret",
    sessionToken: "token",
    region: "eu-west-1",
    endpoint: "http://127.0.0.1:5000"
  )

  private static func store(
    _ bucket: S3Bucket,
    waits: Waits = Waits(),
    partByteCount: Int = 1_000
  ) throws -> S3Store {
    S3Store(
      try S3Place("s3://bucket/a/b"),
      account,
      transport: bucket,
      clock: ManualClock(now: 1_369_353_600_000_000_000),
      partByteCount: partByteCount
    ) { limit in waits.limits.withLock { $0.append(limit) } }
  }

  private static func file(_ count: Int) throws -> (any ReadableFile, [UInt8]) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 13 >> 2) }
    return (try FaultyDisk(files: ["/f": bytes]).open("/f"), bytes)
  }

  @Test(arguments: [0, 1, 999, 1_000, 1_001, 4_500])
  func objectsReadBack(count: Int) throws {
    let bucket = S3Bucket()
    let store = try Self.store(bucket)
    let (file, bytes) = try Self.file(count)
    #expect(try store.byteCount(of: "03/x y") == nil)
    try store.put("03/x y", file)
    #expect(bucket.objects["a/b/03/x%20y"] == bytes)
    #expect(bucket.uploadCount == 0)
    #expect(try store.byteCount(of: "03/x y") == count)
    #expect(try store.get("03/x y", at: 0, count: 5_000) == bytes)
    if count > 100 { #expect(try store.get("03/x y", at: 50, count: 10) == Array(bytes[50..<60])) }
    #expect(try store.get("03/x y", at: count + 5, count: 10) == [])
    try store.delete("03/x y")
    try store.delete("03/x y")
    #expect(bucket.objects.isEmpty)
    let puts = bucket.seen.count { $0.method == "PUT" }
    #expect(puts == (count <= 1_000 ? 1 : (count + 999) / 1_000))
  }

  @Test func requestsAreSignedWithTheDigestOfTheirBody() throws {
    let bucket = S3Bucket()
    try Self.store(bucket).put("k", Self.file(3).0)
    let headers = bucket.seen[0].headers
    #expect(bucket.seen[0].url == "http://127.0.0.1:5000/bucket/a/b/k")
    #expect(headers["x-amz-date"] == "20130524T000000Z")
    #expect(headers["x-amz-security-token"] == "token")
    #expect(headers["x-amz-content-sha256"]?.count == 64)
    #expect(headers["authorization"]?.contains("/20130524/eu-west-1/s3/aws4_request") == true)
    #expect(headers["authorization"]?.contains("x-amz-security-token") == true)
    #expect(headers["host"] == nil)
  }

  @Test func listsGoOnWhereTheyWereCut() throws {
    let bucket = S3Bucket()
    bucket.set(keysPerList: 3)
    let store = try Self.store(bucket)
    for number in 0..<8 { try store.put("04/\(number)", Self.file(number).0) }
    try store.put("05/x", Self.file(1).0)
    let found = try store.list("04/")
    #expect(found.map(\.key) == (0..<8).map { "04/\($0)" })
    #expect(found.map(\.byteCount) == Array(0..<8))
    #expect(try store.list("").count == 9)
  }

  @Test func whatMayPassIsTriedAgainAndNoMoreThanThat() throws {
    let bucket = S3Bucket()
    let waits = Waits()
    let store = try Self.store(bucket, waits: waits)
    try store.put("k", Self.file(10).0)
    bucket.answer([nil, S3Bucket.refusal(503, "SlowDown"), S3Answer(status: 500)])
    #expect(try store.get("k", at: 0, count: 10).count == 10)
    #expect(waits.limits.withLock { $0 } == [200_000_000, 400_000_000, 800_000_000])
    bucket.answer([nil, nil, nil, nil])
    let gone = #expect(throws: ObjectError.self) { _ = try store.get("k", at: 0, count: 10) }
    #expect(gone?.kind == .unreachable)
    #expect(gone?.object == "s3://bucket/a/b/k")
    #expect(
      gone?.what
        == "get: Connection refused; check the network and AWS_ENDPOINT_URL "
        + "(http://127.0.0.1:5000); tried 4 times"
    )
    let count = bucket.seen.count
    bucket.answer([S3Bucket.refusal(403, "AccessDenied")])
    let denied = #expect(throws: ObjectError.self) { _ = try store.get("k", at: 0, count: 10) }
    #expect(bucket.seen.count == count + 1)
    #expect(denied?.kind == .denied)
    #expect(denied?.what.hasPrefix("get: 403 AccessDenied (No & no); check AWS_ACCESS_KEY") == true)
    #expect(denied?.systemError.code == SystemError.Code.notPermitted)
  }

  @Test func eachRefusalSaysWhatToDo() throws {
    let bucket = S3Bucket()
    let store = try Self.store(bucket)
    let cases: [(S3Answer, ObjectError.Kind, String)] = [
      (S3Bucket.refusal(404, "NoSuchBucket"), .missing, "make the bucket"),
      (S3Bucket.refusal(404, "NoSuchKey"), .missing, "404 NoSuchKey"),
      (S3Bucket.refusal(403, "RequestTimeTooSkewed"), .denied, "clock"),
      (
        S3Answer(status: 301, headers: ["x-amz-bucket-region": "eu-north-1"]), .refused,
        "AWS_REGION=eu-north-1"
      ),
      (S3Bucket.refusal(400, "Strange"), .refused, "400 Strange"),
    ]
    for (answer, kind, text) in cases {
      bucket.answer([answer])
      let error = #expect(throws: ObjectError.self) { _ = try store.get("k", at: 0, count: 1) }
      #expect(error?.kind == kind)
      #expect(error?.what.contains(text) == true, "\(error?.what ?? "")")
      #expect(error?.object == "s3://bucket/a/b/k")
    }
  }

  @Test func anUploadThatFailsIsAborted() throws {
    let bucket = S3Bucket()
    let store = try Self.store(bucket)
    let (file, _) = try Self.file(4_500)
    let begun = S3Answer(status: 200, body: Array("<UploadId>u9</UploadId>".utf8))
    let part = S3Answer(status: 200, headers: ["etag": "x"])
    bucket.answer([begun, part, S3Bucket.refusal(403, "AccessDenied")])
    #expect(throws: ObjectError.self) { try store.put("k", file) }
    let last = try #require(bucket.seen.last)
    #expect(last.method == "DELETE")
    #expect(last.url.hasSuffix("?uploadId=u9"))
    // A failure behind a 200 is one.
    bucket.answer([begun, part, part, part, part, part, S3Bucket.refusal(200, "InternalError")])
    #expect(throws: ObjectError.self) { try store.put("k", file) }
    #expect(bucket.objects.isEmpty)
  }

  @Test func theAccountComesFromTheEnvironment() throws {
    func account(_ variables: [String: String]) throws -> S3Account {
      try S3Account(location: "s3://bucket") { variables[$0] }
    }
    let missing = #expect(throws: ObjectError.self) { _ = try account(["AWS_ACCESS_KEY_ID": "a"]) }
    #expect(missing?.what.contains("AWS_SECRET_ACCESS_KEY") == true)
    var variables = ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"]
    #expect(try account(variables) == S3Account(accessKey: "a", secretKey: "s"))
    variables["AWS_DEFAULT_REGION"] = "eu-west-3"
    variables["AWS_ENDPOINT_URL"] = "https://minio.example:9000/"
    variables["AWS_SESSION_TOKEN"] = ""
    let found = try account(variables)
    #expect(found.region == "eu-west-3")
    #expect(found.endpoint == "https://minio.example:9000")
    #expect(found.sessionToken == nil)
    variables["AWS_ENDPOINT_URL"] = "minio:9000"
    #expect(throws: ObjectError.self) { _ = try account(variables) }
  }

  @Test func addressesAreThoseOfTheService() throws {
    let aws = S3Account(accessKey: "a", secretKey: "s", region: "eu-west-1")
    let plain = try S3Place("s3://bucket/p//q/").address(of: "03/é", aws)
    #expect(plain.base == "https://bucket.s3.eu-west-1.amazonaws.com")
    #expect(plain.path == "/p/q/03/%C3%A9")
    let dotted = try S3Place("s3://my.bucket").address(of: nil, aws)
    #expect(dotted.base == "https://s3.eu-west-1.amazonaws.com")
    #expect(dotted.path == "/my.bucket/")
    for text in ["s3://", "s3://ab", "s3://Upper", "s3:///x"] {
      #expect(throws: ObjectError.self, "\(text)") { _ = try S3Place(text) }
    }
  }
}
