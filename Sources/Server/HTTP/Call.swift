internal import Query

/// One HTTP request as the routes see it: decoded once, nothing of the transport left.
struct Call {
  /// A header that names the tenant; absent or empty means ``tenantDefault``.
  static let tenantHeader = "X-Scope-OrgID"
  static let tenantDefault = "default"

  var method: String
  /// The path as it was sent, without the query string.
  var path: String
  /// The query string as it was sent.
  var query: String
  var tenant: String
  /// The `Authorization` header.
  var authorization: String?
  /// The body, when there may be one.
  var upload: Upload?
  /// The connection that it came on, for the ``AnswerBudget``.
  var connection: ObjectIdentifier?
  /// Behind which event a reader of a stream goes on.
  var lastEventID: String?

  /// - Parameter target: path and query string as they stand in the request line.
  init(
    method: String,
    target: String,
    tenant: String?,
    authorization: String? = nil,
    upload: Upload? = nil
  ) {
    self.method = method
    self.authorization = authorization
    self.upload = upload
    let end = target.firstIndex(of: "#") ?? target.endIndex
    let target = target[..<end]
    let mark = target.firstIndex(of: "?") ?? target.endIndex
    path = String(target[..<mark])
    query = String(target[mark...].dropFirst())
    self.tenant = tenant.flatMap { $0.isEmpty ? nil : $0 } ?? Self.tenantDefault
  }

  /// The items of the query string.
  func items() throws(QueryError) -> [(name: String, value: String)] {
    do throws(QueryItems.Fault) {
      return try QueryItems.parse(query)
    } catch {
      throw QueryError(.badData, error.message)
    }
  }
}
