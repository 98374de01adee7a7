//! The routes of a function, from its handlers.

use axum::{
    Router,
    handler::Handler,
    routing::{MethodFilter, on},
};
use utoipa::Path;
use utoipa_axum::PathItemExt;

use crate::app::App;

#[doc(hidden)]
pub use pastey::paste;

/// Writes two functions about handlers that have a `#[utoipa::path]`: `routes()` gives their routes, and `documented()` the same
/// with what OpenAPI says of them. To answer needs no documentation, and to put it together was a quarter of
/// what a function did until it was ready.
#[macro_export]
macro_rules! routes {
    ($($module:ident :: $handler:ident),+ $(,)?) => {
        /// The routes of this function, as it serves them.
        #[must_use]
        pub fn routes() -> axum::Router<$crate::app::App> {
            let router = axum::Router::new();
            $($crate::http::routes::paste! {
                let router =
                    $crate::http::routes::route::<$module::[<__path_ $handler>], _, _>(router, $module::$handler);
            })+
            router
        }

        /// The routes of this function, with what they say of themselves.
        #[must_use]
        pub fn documented() -> utoipa_axum::router::OpenApiRouter<$crate::app::App> {
            utoipa_axum::router::OpenApiRouter::new()
                $(.routes(utoipa_axum::routes!($module::$handler)))+
        }
    };
}

#[doc(hidden)]
pub fn route<P: Path, H: Handler<T, App>, T: 'static>(router: Router<App>, handler: H) -> Router<App> {
    let methods = P::methods();
    let methods = methods.iter().map(PathItemExt::to_method_filter);
    match methods.reduce(MethodFilter::or) {
        Some(methods) => router.route(&P::path(), on(methods, handler)),
        None => router,
    }
}
